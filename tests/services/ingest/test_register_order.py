"""The order of facts about a document: total, so that arrival does not matter."""

import itertools
from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.register_order import Step, advanced, begun, erased, position
from services.ingest.registered import Terminal
from shared.events.payloads import DocumentType, StageName
from shared.telemetry.reasons import HeldReason, QuarantineReason

AT = datetime(2026, 1, 1, tzinfo=UTC)
STAGES: tuple[StageName, ...] = ("ingest", "ocr", "summarize", "ledger")

# From the least to the greatest.
LADDER = [
    Step(0, 0, "ingest"),
    Step(0, 0, "ocr"),
    Step(0, 0, "summarize"),
    Step(0, 0, "ledger"),
    Step(0, 0, "ocr", Terminal.QUARANTINED, QuarantineReason.PAGES_MISSING),
    Step(0, 0, "ocr", Terminal.QUARANTINED, QuarantineReason.UNREADABLE),
    Step(0, 0, "ledger", Terminal.QUARANTINED, QuarantineReason.DEAD_LETTER),
    Step(0, 1, "ocr"),
    Step(0, 1, "ocr", Terminal.QUARANTINED, QuarantineReason.UNREADABLE),
    Step(0, 2, "ingest", Terminal.EXPANDED),
    Step(0, 0, "ledger", Terminal.HELD, HeldReason.TOTAL_MISSING),
    Step(0, 0, "ledger", Terminal.POSTED),
    Step(0, 0, "ledger", Terminal.VOIDED),
    Step(1, 0, "ocr"),
    Step(1, 0, "ledger", Terminal.POSTED),
]

steps = st.builds(
    Step,
    revision=st.integers(0, 2),
    replay=st.integers(0, 2),
    stage=st.sampled_from(STAGES),
    terminal=st.none() | st.sampled_from(Terminal),
    reason=st.none() | st.sampled_from([*QuarantineReason, *HeldReason]),
    document_type=st.none() | st.sampled_from([DocumentType.INVOICE, DocumentType.LETTER]),
)


def test_the_ladder_is_in_order() -> None:
    """This list is the rule; the docstring of the module is its explanation."""
    for lower, higher in itertools.pairwise(LADDER):
        assert position(lower) < position(higher)


@given(st.permutations(LADDER), st.lists(st.sampled_from(LADDER)))
def test_arrival_makes_no_difference(order: list[Step], again: list[Step]) -> None:
    """A bus may reorder and repeat; the register ends in one state."""
    assert after(order + again) == position(LADDER[-1])


@given(st.lists(steps, min_size=1))
def test_the_greatest_step_wins(some: list[Step]) -> None:
    """Whatever arrives, in whatever order: the newest of it stands."""
    assert after(some) == max(map(position, some))


@given(st.lists(steps, min_size=2), st.integers(0))
def test_nothing_moves_backwards(some: list[Step], at: int) -> None:
    """A person who looked once never sees an older state later."""
    cut = 1 + at % (len(some) - 1)
    assert after(some[:cut]) <= after(some)


def test_an_erased_document_stays_erased_and_waits_for_nothing() -> None:
    """Nobody works on it, so it cannot be late."""
    later = AT + timedelta(minutes=1)
    begun_ = begun("acme", "d", "j", LADDER[0], event=b"", at=AT, deadline=AT)
    document = erased(begun_, at=later)
    assert (document.since, erased(document, at=AT).since) == (later, later)
    assert document.status is Terminal.VOIDED
    moved = advanced(document, LADDER[1], event=b"", at=AT, deadline=AT)
    assert moved.erased
    assert moved.deadline is None
    assert moved.stage == "ocr"


def test_pages_are_learnt_from_whoever_knows_them() -> None:
    """An inspection that failed at first counts them later."""
    document = begun("acme", "d", "j", Step(0, 0, "ocr"), event=b"", at=AT, deadline=AT)
    assert (
        advanced(document, Step(0, 0, "ingest", pages=3), event=b"x", at=AT, deadline=AT).pages == 3
    )


@given(st.lists(steps, min_size=1, unique_by=position), st.randoms())
def test_the_type_is_that_of_the_newest_who_says_it(some: list[Step], random: Random) -> None:
    """How long a document is kept depends on it: read as a letter, corrected to an invoice."""
    newest = max(one.revision for one in some)
    saying = [one for one in some if one.revision == newest and one.document_type]
    expected = max(saying, key=position).document_type if saying else None
    in_order = sorted(some, key=position)
    assert typed(in_order) is expected
    random.shuffle(some)
    assert (typed(some) is None) is (expected is None)


def test_a_correction_stands_whoever_comes_first() -> None:
    """As read, held, then posted by a person as something else."""
    read = Step(0, 0, "ledger", document_type=DocumentType.LETTER)
    hold = Step(0, 0, "ledger", Terminal.HELD, HeldReason.TOTAL_MISSING)
    post = Step(0, 0, "ledger", Terminal.POSTED, document_type=DocumentType.INVOICE)
    for order in itertools.permutations([read, hold, post]):
        assert typed(list(order)) is DocumentType.INVOICE
    assert typed([post, Step(1, 0, "ocr")]) is None
    assert typed([Step(1, 0, "ocr"), post]) is None


def typed(some: list[Step]) -> DocumentType | None:
    """Return what a document is after steps."""
    document = begun("acme", "d", "j", some[0], event=b"", at=AT, deadline=AT)
    for step in some[1:]:
        document = advanced(document, step, event=b"", at=AT, deadline=AT)
    return document.document_type


def after(some: list[Step]) -> tuple[object, ...]:
    """Return where a document stands after steps."""
    document = begun("acme", "d", "j", some[0], event=b"", at=AT, deadline=AT)
    for step in some[1:]:
        document = advanced(document, step, event=b"", at=AT, deadline=AT)
    return position(document)
