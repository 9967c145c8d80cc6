"""What must be true when a run has come to rest: named, pure, each a list of violations.

No line names anything that is not the same each time a seed runs.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from services.ingest.registered import SubmissionStatus, Terminal
from services.ledger.entries import unbalanced
from shared.events.envelope import Event
from shared.events.payloads import (
    EntryPayload,
    EventType,
    PagesRead,
    PagesRequested,
    UploadArrived,
)
from shared.telemetry.reasons import RefusedReason
from shared.worker import names
from shared.worker.results import children_in
from tests.simulation.ending import Ending
from tests.simulation.truths import (
    books_say_the_truth,
    documents_end_as_they_should,
    nothing_posts_twice,
)
from tests.simulation.watched import Acknowledged, Escaped, Overlap, Published, Stored

Check = Callable[[Ending], list[str]]


def comes_to_rest(ending: Ending) -> list[str]:
    """Faults over, everything ends within bounded time, and no message is left anywhere."""
    found = [] if ending.quiet else ["it never comes to rest"]
    return found + [f"{count} left in {name}" for name, count in sorted(ending.waiting.items())]


def submissions_add_up(ending: Ending) -> list[str]:
    """Submissions = documents + duplicates + refused, and none is missing."""
    counts = ending.counts
    found = []
    if not counts.balanced:
        found.append(f"the register's sums are wrong: {counts}")
    booked = {one.job_id for one in ending.submissions}
    found += [f"submission {job[:6]} was lost" for job in sorted(set(ending.submitted) - booked)]
    for one in ending.submissions:
        mine = ending.submitted.get(one.job_id)
        if mine is not None and one.document_id not in (None, mine, one.job_id):
            found.append(f"submission {one.job_id[:6]} is booked as another document")
    return found


def nothing_in_flight(ending: Ending) -> list[str]:
    """Documents = posted + held + voided + quarantined + expanded."""
    return [
        f"document {one.document_id[:6]} is in flight at {one.stage}"
        for one in ending.documents.values()
        if one.status is None
    ]


def one_decision_each(ending: Ending) -> list[str]:
    """A document and revision is decided once."""
    counted = Counter(
        (booked.entry.document_id, booked.entry.revision)
        for books in ending.books.values()
        for booked in books.entries
        if booked.entry.is_decision
    )
    return [
        f"document {name[:6]} was decided {count} times"
        for (name, _), count in counted.items()
        if count > 1
    ]


def journal_balances(ending: Ending) -> list[str]:
    """Every entry sums to zero, exactly."""
    return [
        f"the entry of document {booked.entry.document_id[:6]} does not balance"
        for books in ending.books.values()
        for booked in books.entries
        if unbalanced(booked.entry.postings)
    ]


def log_verifies(ending: Ending) -> list[str]:
    """Each log verifies, equals its journal, and covers every entry; checkpoints only grow."""
    found = [
        f"{finding.code} in the books of {finding.tenant}: {(finding.document_id or '')[:6]}"
        for finding in ending.findings
    ]
    for tenant, books in ending.books.items():
        if books.problem is not None:
            found.append(f"the log of {tenant} does not verify: {books.problem}")
        if any(booked.index is None for booked in books.entries):
            found.append(f"an entry of {tenant} has no index")
        if books.covered != len(books.entries):
            found.append(f"{len(books.entries) - books.covered} entries of {tenant} not covered")
        if list(books.sizes) != sorted(books.sizes):
            found.append(f"a checkpoint of {tenant} shrank")
    return found


def entries_are_told(ending: Ending) -> list[str]:
    """Every entry's event went out, and its outbox row says so."""
    told = {
        fact.event.data.entry_id
        for fact in ending.published()
        if isinstance(fact.event.data, EntryPayload)
    }
    found = []
    for books in ending.books.values():
        rows = {row.entry_id: row for row in books.outbox}
        for booked in books.entries:
            row = rows.get(booked.entry.entry_id)
            if booked.entry.entry_id not in told or row is None or row.published is None:
                found.append(f"the entry of document {booked.entry.document_id[:6]} was never told")
    return found


def results_are_told(ending: Ending) -> list[str]:
    """A delivery is acknowledged only after what follows from its result was published.

    Or after it was told that a worker gave up on this work: another one may have done it meanwhile.
    """
    found = []
    stored: dict[str, Stored] = {}
    events: dict[str, Event] = {}
    told: set[tuple[EventType, str, int, int]] = set()
    given_up: set[tuple[str, int]] = set()
    for fact in ending.facts:
        if isinstance(fact, Stored):
            stored[fact.name] = fact
        elif isinstance(fact, Published):
            events[fact.event.id] = fact.event
            told.add(_identity(fact.event))
            if fact.event.type is EventType.DOCUMENT_QUARANTINED:
                given_up.add((fact.event.jobid, fact.event.replay))
        elif isinstance(fact, Acknowledged):
            event = events.get(fact.event_id)
            name = event and _result_of(fact.subscription, event)
            result = stored.get(name or "")
            if event is None or result is None or result.document_id in ending.erased:
                continue
            if (event.jobid, event.replay) in given_up:
                continue
            for child in children_in(result.packed):
                wanted = (child.type, child.subject or event.subject, child.part, event.replay)
                if wanted not in told:
                    found.append(f"{fact.subscription}: acknowledged before {child.type.value}")
    return found


def _result_of(subscription: str, event: Event) -> str | None:
    stage = subscription.split(".", maxsplit=1)[0]
    if stage not in ("ingest", "ocr", "summarize") or subscription.endswith(".dead"):
        return None
    return names.result_of(stage, event)  # type: ignore[arg-type] # it is one of the three


def _identity(event: Event) -> tuple[EventType, str, int, int]:
    data = event.data
    part = data.first if isinstance(data, PagesRequested | PagesRead) else 0
    return (event.type, event.subject, part, event.replay)


def ids_mean_one_thing(ending: Ending) -> list[str]:
    """No event id stands for two contents, and no content goes out under two ids.

    Of an erased document the objects are gone: who was taking the same bytes in meanwhile stores
    and announces others in their place, which nobody handles any more. What was not taken in yet
    goes by its job's id.
    """
    found = []
    jobs = {job for job, name in ending.submitted.items() if name in ending.erased}
    contents: dict[str, str] = {}
    ids: dict[str, str] = {}
    for fact in ending.published():
        event, content = fact.event, _content(fact.event)
        if event.subject in ending.erased | jobs:
            continue
        if contents.setdefault(event.id, content) != content:
            found.append(f"{event.type.value} of {event.subject[:6]}: one id, two contents")
        if ids.setdefault(content, event.id) != event.id:
            found.append(f"{event.type.value} of {event.subject[:6]}: one content, two ids")
    return found


def _content(event: Event) -> str:
    """Return what an event says, without what may differ each time that it is told.

    That is the time; which of the checkpoints that cover an entry; and of an upload, who told of
    it, and which of two copies of the same bytes lies there.
    """
    data: dict[str, Any] = event.data.model_dump(mode="json")
    data.pop("tree_size", None)
    if isinstance(event.data, UploadArrived):
        data = {"name": event.data.upload.name}
    return f"{event.tenant} {event.subject} {event.type.value} {event.replay} {data}"


def events_are_sound(ending: Ending) -> list[str]:
    """When an event reaches the bus, its result is stored and its entry covered."""
    return [
        f"{fact.event.type.value} of {fact.event.subject[:6]} went out too early"
        for fact in ending.published()
        if not fact.sound
    ]


def erased_is_erased(ending: Ending) -> list[str]:
    """Of an erased document no key is left, nothing at the door, and nothing came after."""
    found = []
    jobs = {job for job, name in ending.submitted.items() if name in ending.erased}
    for name in sorted(ending.erased):
        if name in ending.keys:
            found.append(f"erased document {name[:6]} has a key")
        if names.tombstone(name) not in ending.objects:
            found.append(f"erased document {name[:6]} has no tombstone")
        document = ending.documents.get(name)
        unheard = ending.lossy and document is not None and document.terminal is not None
        if not unheard and (document is None or not document.erased):
            found.append(f"the register does not know that document {name[:6]} is erased")
    for there in sorted(ending.objects):
        kind, *rest = there.split("/")
        if kind == "inbox" and rest[-1] in jobs:
            found.append(f"the bytes of an erased document lie at the door: {rest[-1][:6]}")
        left = kind in ("originals", "results", "read") and ending.swept
        if left and ending.erased & set(rest):
            found.append(f"something of an erased document is still there: {kind}")
    return found


def quarantine_has_a_record(ending: Ending) -> list[str]:
    """What lies in quarantine has a record that waits to be replayed.

    Its replay may lack an event that the bus lost while it lay there: nobody waits for a document
    in quarantine, so no sweep brings that back, and an audit names it. Of an erased document the
    records are gone; that it is erased may be what the bus lost.
    """
    found = []
    for name, document in ending.documents.items():
        if document.terminal is not Terminal.QUARANTINED or document.erased:
            continue
        if ending.lossy and name in ending.erased:
            continue
        records = ending.records.get(name, []) + ending.records.get(document.job_id, [])
        if all(replayed for _, replayed in records) and not (ending.lossy and records):
            found.append(f"document {name[:6]} is quarantined without a record")
    return found


def refused_for_a_reason(ending: Ending) -> list[str]:
    """Only what has no bytes, or was erased, is refused."""
    return [
        f"submission {one.job_id[:6]} was refused: {one.reason}"
        for one in ending.submissions
        if one.status is SubmissionStatus.REFUSED
        and one.reason not in (RefusedReason.EMPTY, RefusedReason.ERASED)
    ]


def one_at_a_time(ending: Ending) -> list[str]:
    """No two workers are at one piece of work while the first one's lease lasts."""
    return [
        f"two workers at once at {fact.stage} {fact.work[:6]}"
        for fact in ending.facts
        if isinstance(fact, Overlap)
    ]


def nothing_escapes(ending: Ending) -> list[str]:
    """No process ends by anything but a crash."""
    return sorted(
        {f"{fact.process}: {fact.error}" for fact in ending.facts if isinstance(fact, Escaped)}
    )


CHECKS: Final[tuple[Check, ...]] = (
    comes_to_rest,
    submissions_add_up,
    nothing_in_flight,
    documents_end_as_they_should,
    one_decision_each,
    nothing_posts_twice,
    books_say_the_truth,
    journal_balances,
    log_verifies,
    entries_are_told,
    results_are_told,
    ids_mean_one_thing,
    events_are_sound,
    erased_is_erased,
    quarantine_has_a_record,
    refused_for_a_reason,
    one_at_a_time,
    nothing_escapes,
)


def violations(ending: Ending) -> Iterator[str]:
    """Yield what is wrong, each with the name of its check."""
    for check in CHECKS:
        for problem in check(ending):
            yield f"{check.__name__}: {problem}"
