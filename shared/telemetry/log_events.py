"""Everything that is worth a log line: one closed set, each with its meaning."""

from enum import StrEnum


class LogEvent(StrEnum):
    """What happened; the ``op`` of a log line."""

    # A process and its life.
    WORKER_STARTED = "worker.started"  # built, its stores opened, about to take work
    WORKER_DRAINING = "worker.draining"  # asked to stop; finishes what it holds
    WORKER_STOPPED = "worker.stopped"  # nothing is held any more
    WORKER_DIED = "worker.died"  # a worker process ended without being asked to
    WORKER_RESTARTED = "worker.restarted"  # the supervisor started it again
    SETTING_UNKNOWN = "setting.unknown"  # an environment variable of ours that nothing reads

    # One delivery at the edge.
    DELIVERY_SETTLED = "delivery.settled"  # one delivery was settled; code is its outcome
    DELIVERY_FAILED = "delivery.failed"  # a handler or an effect raised; error says where
    EVENT_MALFORMED = "event.malformed"  # a message that is no event of ours; kept in quarantine
    DEAD_LETTER = "delivery.dead"  # the bus gave up; a quarantine record is written
    LEASE_CONTENDED = "lease.contended"  # somebody else holds the lease on this work
    BREAKER_OPENED = "breaker.opened"  # too many unknown errors: the worker takes no work
    BREAKER_CLOSED = "breaker.closed"  # the canary passed: the worker takes work again

    # A submission and its document.
    SUBMISSION_ACCEPTED = "submission.accepted"  # a document was made of it
    SUBMISSION_DUPLICATE = "submission.duplicate"  # the same bytes were taken before
    SUBMISSION_REFUSED = "submission.refused"  # no document was made of it; code says why
    SUBMISSION_EXPANDED = "submission.expanded"  # an e-mail became its attachments
    DOCUMENT_QUARANTINED = "document.quarantined"  # set aside; code says why
    DOCUMENT_REPLAYED = "document.replayed"  # a person sent it on its way again
    DOCUMENT_LATE = "document.late"  # past its stage's deadline
    DOCUMENT_SWEPT = "document.swept"  # its last stored event was published again
    DOCUMENT_ERASED = "document.erased"  # its key is destroyed and its tombstone stands

    UPLOAD_GONE = "upload.gone"  # a dropped file was removed before it could be taken in
    UPLOAD_SWEPT = "upload.swept"  # a dropped file was taken in that no notification told of
    BUCKET_UNKNOWN = "bucket.unknown"  # a notification of a bucket that is no tenant's

    # The ledger.
    ENTRY_POSTED = "entry.posted"  # sealed under a checkpoint
    ENTRY_HELD = "entry.held"  # sealed as a hold; code says why
    ENTRY_BY_HAND = "entry.by_hand"  # a person posted, voided or reversed
    CHECKPOINT_SIGNED = "checkpoint.signed"  # the log grew; size is the new tree size
    CHECKPOINT_REFUSED = "checkpoint.refused"  # the published log is ahead of the journal
    LOG_UNREADABLE = "log.unreadable"  # the published log is not what its checkpoint says
    AUDIT_FAILED = "audit.failed"  # a document or entry is not accounted for

    # Foreign bytes and machines.
    SANDBOX_CHILD_DIED = "sandbox.child_died"  # a parser hit a limit or crashed; it was replaced
    STORE_UNAVAILABLE = "store.unavailable"  # a store or the bus does not answer; work waits
    CREDENTIAL_UNREADABLE = "credential.unreadable"  # a secret cannot be read; error: why not
    REQUEST_REFUSED = "request.refused"  # a worker did not serve an HTTP request; code says why
    REQUEST_SERVED = "request.served"  # one HTTP request was answered

    # Others.
    LIBRARY_MESSAGE = "library.message"  # a library logged something; masked and capped
    PYTHON_WARNING = "python.warning"  # a Python warning; masked and capped
    UNREGISTERED = "unregistered"  # a line whose event is in no closed set; nothing of it is shown
    UNHANDLED_ERROR = "error.unhandled"  # an exception reached the top of a process or thread
