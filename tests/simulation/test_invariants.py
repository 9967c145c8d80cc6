"""Each invariant notices what it is there for: an ending with one thing wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.ingest.registered import Counts, SubmissionStatus, Terminal
from services.ledger.entries import Booked
from shared.events.payloads import EventType
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from tests.simulation import invariants, truths
from tests.simulation.ending import Ending, look_at
from tests.simulation.invariants import CHECKS, Check
from tests.simulation.run import Simulation
from tests.simulation.watched import Acknowledged, Escaped, Fact, Overlap, Published, Stored

Change = Callable[[Ending], Ending]


def an_ending(seed: int) -> Ending:
    """Return how a seed ends."""
    simulation = Simulation(seed)
    assert simulation.run().violations == ()
    return look_at(simulation.world, simulation.workload, simulation.done, quiet=True)


@pytest.fixture(scope="module")
def sound() -> Ending:
    """Return an ending with a posted, a quarantined, an erased and two read documents in it."""
    endings = (an_ending(seed) for seed in range(300))
    return next(
        one
        for one in endings
        if one.counts.posted
        and one.counts.quarantined
        and one.erased
        and one.swept
        and not one.lossy
        and several_were_read(one)
    )


def several_were_read(ending: Ending) -> bool:
    """Whether more than one document that lives was read."""
    events = [fact.event for fact in ending.published()]
    read = {event.subject for event in events if event.type is EventType.DOCUMENT_READ}
    return len(read - ending.erased) > 1


def facts(ending: Ending, change: Callable[[Fact], Fact | None]) -> Ending:
    """Return the ending with other facts."""
    kept = [changed for fact in ending.facts if (changed := change(fact)) is not None]
    return replace(ending, facts=tuple(kept))


def other_terminal(ending: Ending, now: Terminal | None, then: Terminal | None) -> Ending:
    """Return the ending with documents that ended otherwise."""
    documents = {
        name: replace(one, terminal=then) if one.terminal is now and not one.erased else one
        for name, one in ending.documents.items()
    }
    return replace(ending, documents=documents)


def first_books(
    ending: Ending, change: Callable[[tuple[Booked, ...]], tuple[Booked, ...]]
) -> Ending:
    """Return the ending with other entries in each tenant's books."""
    books = {
        tenant: replace(one, entries=change(one.entries)) for tenant, one in ending.books.items()
    }
    return replace(ending, books=books)


def untold(fact: Fact) -> Fact | None:
    """Drop what was published, but uploads."""
    published = isinstance(fact, Published) and fact.event.type is not EventType.UPLOAD_ARRIVED
    return None if published else fact


def with_another_id(fact: Fact) -> Fact | None:
    """Give a read document's events an id that something else has."""
    if isinstance(fact, Published) and fact.event.type is EventType.DOCUMENT_READ:
        return replace(fact, event=replace(fact.event, id="0" * 40))
    return fact


def too_early(fact: Fact) -> Fact | None:
    """Let events go out before what they refer to."""
    return replace(fact, sound=False) if isinstance(fact, Published) else fact


WRONG: list[tuple[Check, Change]] = [
    (invariants.comes_to_rest, lambda one: replace(one, quiet=False)),
    (invariants.comes_to_rest, lambda one: replace(one, waiting={"ocr.pages-read": 1})),
    (invariants.submissions_add_up, lambda one: replace(one, counts=Counts(submissions=1))),
    (invariants.submissions_add_up, lambda one: replace(one, submissions=())),
    (invariants.nothing_in_flight, lambda one: other_terminal(one, Terminal.POSTED, None)),
    (
        truths.documents_end_as_they_should,
        lambda one: other_terminal(one, Terminal.POSTED, Terminal.EXPANDED),
    ),
    (
        truths.documents_end_as_they_should,
        lambda one: other_terminal(one, Terminal.QUARANTINED, Terminal.POSTED),
    ),
    (invariants.one_decision_each, lambda one: first_books(one, lambda rows: rows + rows)),
    (truths.books_say_the_truth, lambda one: first_books(one, lambda _rows: ())),
    (
        truths.books_say_the_truth,
        lambda one: other_terminal(one, Terminal.POSTED, Terminal.HELD),
    ),
    (invariants.log_verifies, lambda one: first_books(one, lambda rows: rows[1:])),
    (invariants.entries_are_told, lambda one: facts(one, untold)),
    (invariants.results_are_told, lambda one: facts(one, untold)),
    (invariants.ids_mean_one_thing, lambda one: facts(one, with_another_id)),
    (invariants.events_are_sound, lambda one: facts(one, too_early)),
    (invariants.erased_is_erased, lambda one: replace(one, keys=one.erased)),
    (invariants.erased_is_erased, lambda one: replace(one, objects=frozenset())),
    (
        invariants.erased_is_erased,
        lambda one: replace(
            one, objects=one.objects | {f"originals/{name}" for name in one.erased}
        ),
    ),
    (invariants.quarantine_has_a_record, lambda one: replace(one, records={})),
    (
        invariants.refused_for_a_reason,
        lambda one: replace(
            one,
            submissions=tuple(
                replace(row, status=SubmissionStatus.REFUSED, reason=RefusedReason.UNREADABLE_FILE)
                for row in one.submissions
            ),
        ),
    ),
    (invariants.one_at_a_time, lambda one: replace(one, facts=(Overlap("ocr", "x"),))),
    (invariants.nothing_escapes, lambda one: replace(one, facts=(Escaped("w1", "KeyError"),))),
]


@pytest.mark.parametrize(("check", "change"), WRONG, ids=lambda one: one.__name__)
def test_an_invariant_notices_what_it_is_there_for(
    sound: Ending, check: Check, change: Change
) -> None:
    """A check that never fails would make ten thousand seeds worthless."""
    assert check(sound) == []
    assert check(change(sound)) != []


def test_every_other_invariant_is_proved_by_a_mutation_or_here() -> None:
    """Whoever adds a check shows that it can fail."""
    proved = {check for check, _ in WRONG} | {
        truths.nothing_posts_twice,
        invariants.journal_balances,
    }
    assert proved == set(CHECKS)


def test_what_the_books_do_twice_is_noticed(sound: Ending) -> None:
    """The same invoice under two documents, and an entry that does not sum to zero."""
    posted = next(
        booked
        for books in sound.books.values()
        for booked in books.entries
        if booked.entry.postings and booked.entry.document_id in sound.documents
    )
    crooked = replace(posted, entry=replace(posted.entry, postings=posted.entry.postings[:1]))
    twin = replace(posted, entry=replace(posted.entry, document_id="f" * 40))
    wanted = {**sound.expected, "f" * 40: sound.expected[posted.entry.document_id]}
    assert invariants.journal_balances(first_books(sound, lambda _rows: (crooked,))) != []
    twice = first_books(replace(sound, expected=wanted), lambda _rows: (posted, twin))
    twice = replace(twice, erased=frozenset())
    assert truths.nothing_posts_twice(sound) == []
    assert truths.nothing_posts_twice(twice) != []


def test_an_acknowledgement_that_came_first_is_noticed(sound: Ending) -> None:
    """The order of facts matters, not only that all of them are there."""
    stored = [fact for fact in sound.facts if isinstance(fact, Stored)]
    acknowledged = [fact for fact in sound.facts if isinstance(fact, Acknowledged)]
    uploads = [
        fact
        for fact in sound.facts
        if isinstance(fact, Published) and fact.event.type is EventType.UPLOAD_ARRIVED
    ]
    assert invariants.results_are_told(sound) == []
    assert invariants.results_are_told(replace(sound, facts=(*stored, *uploads, *acknowledged)))


def test_a_sound_document_is_quarantined_by_bad_luck_alone(sound: Ending) -> None:
    """On a calm day nothing excuses it; and no storm makes a document unreadable."""
    unread = {
        name: replace(one, terminal=Terminal.QUARANTINED, reason=QuarantineReason.UNREADABLE)
        for name, one in sound.documents.items()
    }
    assert truths.documents_end_as_they_should(replace(sound, documents=unread)) != []
