"""Whether documents ended as the papers say that they should: invariants, like ``invariants``."""

from collections import Counter
from typing import Final

from services.ingest.registered import RegisteredDocument, Terminal
from services.ledger.entries import Booked, Standing, standing_entry, standing_of
from shared.events.payloads import EntryKind
from shared.telemetry.reasons import HeldReason, QuarantineReason
from tests.simulation.ending import Ending, Expected
from tests.simulation.papers import REASONS, Illness

_BAD_LUCK: Final = frozenset(
    {
        QuarantineReason.KILLS_WORKERS,
        QuarantineReason.ATTEMPTS_EXHAUSTED,
        QuarantineReason.DEAD_LETTER,
    }
)
"""Why a sound document may lie in quarantine after a storm: a person replays it."""


def documents_end_as_they_should(ending: Ending) -> list[str]:
    """A sound document posts or is held as its truth says; a sick one is quarantined for it."""
    return [
        f"document {name[:6]} (paper {wanted.paper.number}) ended {problem}"
        for name, wanted in ending.expected.items()
        if wanted.paper is not None
        and (there := ending.documents.get(name)) is not None
        and (problem := _wrong_end(there, wanted, ending)) is not None
    ]


def _wrong_end(  # noqa: PLR0911 - each way a document may end
    document: RegisteredDocument, wanted: Expected, ending: Ending
) -> str | None:
    paper = wanted.paper
    assert paper is not None
    told = f"{document.status} ({document.reason})"
    if document.erased:
        return None
    if document.terminal is Terminal.QUARANTINED:
        if paper.is_sick and paper.illness and document.reason is REASONS[paper.illness]:
            return None
        unlucky = ending.stormy or paper.illness is Illness.SLOW
        return None if unlucky and document.reason in _BAD_LUCK else told
    if paper.is_sick and not wanted.fixed:
        return told
    if paper.type is None:
        return None if document.terminal is Terminal.EXPANDED else told
    if document.terminal is Terminal.HELD:
        twins = [
            name
            for name, other in ending.expected.items()
            if other.tenant == wanted.tenant
            and other.paper is not None
            and other.paper.invoice == paper.invoice
            and name != document.document_id
        ]
        if document.reason is HeldReason.POSSIBLE_DUPLICATE and twins:
            return None
        return None if paper.doubt is not None and document.reason is paper.doubt else told
    return None if document.terminal is Terminal.POSTED and paper.doubt is None else told


def nothing_posts_twice(ending: Ending) -> list[str]:
    """One invoice number of a tenant stands posted at most once."""
    counted: Counter[tuple[str, int]] = Counter()
    for name, wanted in ending.expected.items():
        if wanted.paper is not None and wanted.paper.type is not None:
            standing = standing_entry(_history(ending, name))
            if standing is not None and standing_of(standing) is Standing.POSTED:
                counted[wanted.tenant, wanted.paper.invoice] += 1
    return [
        f"invoice {number} of {tenant} stands posted {count} times"
        for (tenant, number), count in counted.items()
        if count > 1
        and not any(
            name in ending.erased
            for name, wanted in ending.expected.items()
            if wanted.paper is not None and wanted.paper.invoice == number
        )
    ]


def books_say_the_truth(ending: Ending) -> list[str]:
    """What the register calls posted stands in the books with the paper's own figures."""
    found = []
    for name, document in ending.documents.items():
        wanted = ending.expected.get(name)
        standing = standing_entry(_history(ending, name))
        if document.terminal is Terminal.POSTED:
            if standing is None or wanted is None or wanted.paper is None:
                found.append(f"document {name[:6]} is posted, and the books know nothing of it")
            elif frozenset(standing.entry.postings) != wanted.paper.postings:
                found.append(f"document {name[:6]} is posted with figures that are not its own")
        elif document.terminal is Terminal.HELD and (
            standing is None or standing.entry.kind is not EntryKind.HOLD
        ):
            found.append(f"document {name[:6]} is held, and the books do not say so")
    return found


def _history(ending: Ending, document_id: str) -> list[Booked]:
    return [
        booked
        for books in ending.books.values()
        for booked in books.entries
        if booked.entry.document_id == document_id
    ]
