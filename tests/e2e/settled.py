"""What a data folder holds when everything has ended: the same documents, told the same way."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.line import fields_of, line_items_of
from deploy.local.outcomes import Outcomes
from deploy.local.site import Site
from shared.worker import names

Document = tuple[str, str | None, str, tuple[str, ...]]
"""Status, reason, fields and line items, and the kinds of its sealed entries."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What a data folder tells.

    Attributes:
        documents: by the digest of the original: ids differ between data folders.
        in_flight: documents without an end.
        balanced: whether the two sums of the first promise hold.
        leaves: how many the log has.
        unsealed: entries that have no index.
    """

    documents: dict[str, Document]
    in_flight: int
    balanced: bool
    leaves: int
    unsealed: int

    def counted(self) -> Counter[tuple[object, ...]]:
        """Return how often documents end in each way, whichever they are."""
        return Counter(
            (status, reason, kinds) for status, reason, _, kinds in self.documents.values()
        )


@contextmanager
def opened(data_dir: Path) -> Iterator[House]:
    """Open a data folder on which nothing is under way."""
    house = House(Site(data_dir))
    try:
        yield house
    finally:
        house.close()


def settled(data_dir: Path) -> Settled:
    """Return what a data folder tells."""
    with opened(data_dir) as house:
        outcomes = Outcomes(house, DEFAULT_TENANT)
        documents: dict[str, Document] = {}
        for document in house.register.documents():
            content = house.vault.open(names.original(document.document_id))
            summary = outcomes.summary(document)
            said = repr((fields_of(summary), line_items_of(summary))) if summary else ""
            history = house.ledger.journal.history(document.tenant, document.document_id)
            documents[hashlib.sha256(content).hexdigest()] = (
                document.status.value if document.status else "in flight",
                document.reason.value if document.reason else None,
                said,
                tuple(booked.entry.kind.value for booked in history if booked.index is not None),
            )
        entries = list(house.ledger.journal.all_entries(DEFAULT_TENANT))
        counts = house.register.counts(house.clock.now())
        return Settled(
            documents=documents,
            in_flight=counts.in_flight,
            balanced=counts.balanced,
            leaves=sum(1 for _ in house.ledger.logs.leaves(DEFAULT_TENANT)),
            unsealed=sum(entry.index is None for entry in entries),
        )
