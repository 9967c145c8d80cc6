"""What became of one delivery at the edge."""

from enum import StrEnum


class DeliveryOutcome(StrEnum):
    """How the edge settled a delivery."""

    DONE = "done"  # handled, stored, published, acknowledged
    REPEATED = "repeated"  # the result was there already; its events went out again
    ERASED = "erased"  # the document's tombstone stands: nothing was done
    QUARANTINED = "quarantined"  # set aside with a reason
    RETRY = "retry"  # given back to the bus, to be tried later
    CONTENDED = "contended"  # somebody else holds the lease on this work
    IGNORED = "ignored"  # an event that this worker has nothing to do for
