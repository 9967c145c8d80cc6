"""Who came into a stage and who left it: exact, whatever the bus repeats or reorders."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.ingest.register import TableRegister
from services.ingest.register_flow import KEPT_SLOTS, SLOT, passed
from services.ingest.register_memory import memory_register
from services.ingest.register_order import STAGES, begun, position
from services.ingest.register_order import Step as Place
from services.ingest.register_schema import REGISTER
from services.ingest.register_sql import SqlRegister
from services.ingest.registered import RegisteredDocument, StageFlow, Terminal
from shared.database.sqlite import open_sqlite
from shared.events.payloads import DocumentErased, EntryKind, StageName
from shared.telemetry.reasons import QuarantineReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    JOB,
    OTHER,
    SECOND,
    START,
    event,
    held,
    posted,
    quarantined,
    read,
    received,
    summarized,
    upload,
)

WINDOW = timedelta(minutes=5)
INGEST, OCR, SUMMARIZE, LEDGER = range(4)


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def register(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TableRegister]:
    """Give an empty register of each kind in turn."""
    if request.param == "memory":
        yield memory_register(DEADLINES)
        return
    if request.param == "postgres":
        yield request.getfixturevalue("postgres_register")
        return
    sqlite = SqlRegister(open_sqlite(tmp_path / "register.sqlite", REGISTER), DEADLINES)
    yield sqlite
    sqlite.close()


def at(minutes: float) -> datetime:
    """Return a moment."""
    return START + timedelta(minutes=minutes)


def moved(register: TableRegister, minutes: float = 4) -> list[tuple[int, int]]:
    """Return what came into each stage and left it in the five minutes until then."""
    return [(one.entered, one.left) for one in register.flow(at(minutes), window=WINDOW)]


def test_an_empty_register_has_every_stage_and_nothing_in_it(register: TableRegister) -> None:
    """A table of stages has its rows on the first day too."""
    assert register.flow(START, window=WINDOW) == [StageFlow(stage) for stage in STAGES]


def test_a_document_is_counted_through_each_stage_once(register: TableRegister) -> None:
    """What came in less what left is what waits."""
    register.accept(upload(), document_id=DOC, pages=1)
    assert moved(register) == [(1, 0), (0, 0), (0, 0), (0, 0)]
    register.apply([event(received(), minutes=1)])
    assert moved(register) == [(1, 1), (1, 0), (0, 0), (0, 0)]
    register.apply([event(read(), minutes=1)])
    register.apply([event(summarized(), minutes=2)])
    assert moved(register) == [(1, 1), (1, 1), (1, 1), (1, 0)]
    register.apply([event(posted(), minutes=3)])
    assert moved(register) == [(1, 1)] * 4


def test_what_is_delivered_again_or_late_moves_nothing(register: TableRegister) -> None:
    """A rate that grows by redeliveries says nothing about documents."""
    register.accept(upload(), document_id=DOC, pages=1)
    for _ in range(3):
        register.accept(upload(), document_id=DOC, pages=1)
        register.apply([event(summarized(), minutes=1), event(received(), minutes=2)])
        register.apply([event(read(), minutes=2)])
    assert moved(register) == [(1, 1), (1, 1), (1, 1), (1, 0)]


def test_a_stage_knows_what_waits_there_and_since_when(register: TableRegister) -> None:
    """The oldest one is what on-call looks for."""
    for minutes, document, job in ((0, DOC, JOB), (2, OTHER, SECOND)):
        register.accept(upload(job, minutes=minutes), document_id=document, pages=1)
        register.apply([event(received(document), job=job, minutes=minutes + 1)])
    ocr = register.flow(at(61.5), window=WINDOW)[OCR]
    assert ocr == StageFlow("ocr", waiting=2, late=1, oldest_s=3630.0)
    register.postpone(register.late(at(61.5)), deadline=at(99))
    assert register.flow(at(61.5), window=WINDOW)[OCR] == replace(ocr, late=0)
    assert register.flow(at(0), window=WINDOW)[OCR].oldest_s == 0  # another machine's clock


def test_the_window_is_what_happened_in_it(register: TableRegister) -> None:
    """By the events' own time: a register that follows late counts them where they belong."""
    register.accept(upload(), document_id=DOC, pages=1)
    register.apply([event(received(), minutes=9)])
    assert moved(register, 4.8)[INGEST] == (1, 0)
    assert moved(register, 6)[INGEST] == (0, 0)
    assert moved(register, 9) == [(0, 1), (1, 0), (0, 0), (0, 0)]
    assert moved(register, 15) == [(0, 0)] * 4


def test_each_tenant_has_figures_of_its_own(register: TableRegister) -> None:
    """One tenant's flood is none of another's business."""
    register.apply([event(received(), minutes=1), event(received(), tenant="other", minutes=1)])
    assert register.flow(at(4), window=WINDOW)[OCR].entered == 2
    mine = register.flow(at(4), window=WINDOW, tenant="acme")[OCR]
    assert (mine.entered, mine.waiting) == (1, 1)
    assert register.flow(at(4), window=WINDOW, tenant="nobody")[OCR] == StageFlow("ocr")


def test_quarantine_and_replay_are_two_ways_through_a_stage(register: TableRegister) -> None:
    """The work is done twice, so it counts twice."""
    register.apply([event(received()), event(quarantined(), minutes=1)])
    assert moved(register) == [(1, 1), (1, 1), (0, 0), (0, 0)]
    register.apply([event(received(), replay=1, minutes=2)])
    assert moved(register) == [(1, 1), (2, 1), (0, 0), (0, 0)]
    register.apply([event(posted(), replay=1, minutes=3)])
    assert moved(register) == [(1, 1), (2, 2), (1, 1), (1, 1)]


def test_what_a_person_decides_is_no_work_of_a_stage(register: TableRegister) -> None:
    """A hold that is posted was in the ledger once."""
    register.apply([event(held()), event(posted(kind=EntryKind.POST), minutes=2)])
    assert moved(register) == [(1, 1)] * 4


def test_an_upload_that_takes_the_place_of_its_job_is_counted(register: TableRegister) -> None:
    """The stand-in came and went; the document begins anew."""
    register.apply([event(quarantined(JOB))])
    register.accept(upload(replay=1, minutes=1), document_id=DOC, pages=1)
    assert moved(register) == [(2, 1), (1, 1), (0, 0), (0, 0)]


def test_an_erased_document_has_left(register: TableRegister) -> None:
    """Nobody works on it any more."""
    register.apply([event(received()), event(DocumentErased(document_id=DOC), minutes=1)])
    assert moved(register)[OCR] == (1, 1)
    assert register.flow(at(4), window=WINDOW)[OCR].waiting == 0


def test_what_moved_long_ago_is_forgotten(tmp_path: Path) -> None:
    """The table is as long as an hour, not as the ledger."""
    register = SqlRegister(open_sqlite(tmp_path / "register.sqlite", REGISTER), DEADLINES)
    for minutes in range(180):
        job = f"{minutes:040x}"
        register.apply([event(received(job), job=job, minutes=minutes)])
    with register.database.engine.connect() as connection:
        kept = connection.exec_driver_sql("SELECT count(DISTINCT slot) FROM flow").scalar_one()
    assert kept == KEPT_SLOTS * SLOT / timedelta(minutes=1)
    assert register.flow(at(179), window=timedelta(hours=1))[OCR].entered == kept
    register.close()


def place(stage: StageName, end: Terminal | None = None, **said: int) -> RegisteredDocument:
    """Return a document that stands somewhere."""
    reason = QuarantineReason.UNREADABLE if end is Terminal.QUARANTINED else None
    step = Place(said.get("revision", 0), said.get("replay", 0), stage, end, reason)
    return begun("acme", DOC, JOB, step, event=b"", at=START, deadline=START)


POSTED, QUARANTINED = Terminal.POSTED, Terminal.QUARANTINED
WAYS: list[tuple[RegisteredDocument | None, RegisteredDocument, list[int], list[int]]] = [
    (None, place("ingest"), [INGEST], []),
    (None, place("summarize"), [INGEST, OCR, SUMMARIZE], [INGEST, OCR]),
    (None, place("ocr", revision=1), [OCR], []),
    (None, place("ingest", Terminal.EXPANDED), [INGEST], [INGEST]),
    (place("ingest"), place("ingest"), [], []),
    (place("ocr"), place("ledger"), [SUMMARIZE, LEDGER], [OCR, SUMMARIZE]),
    (place("ledger"), place("ledger", POSTED), [], [LEDGER]),
    (place("summarize"), place("ocr", QUARANTINED), [], [SUMMARIZE]),
    (place("ocr"), place("ocr", replay=1), [], []),
    (place("summarize"), place("ocr", replay=1), [OCR], [SUMMARIZE]),
    (place("ocr", QUARANTINED), place("ocr", replay=1), [OCR], []),
    (place("ocr", QUARANTINED), place("summarize", replay=1), [OCR, SUMMARIZE], [OCR]),
    (place("ledger", QUARANTINED), place("ocr", replay=1), [OCR], []),
    (place("ocr", QUARANTINED), place("ledger", POSTED), [SUMMARIZE, LEDGER], [SUMMARIZE, LEDGER]),
    (place("ledger", Terminal.HELD), place("ledger", POSTED), [], []),
    (place("ledger", POSTED), place("ocr", revision=1), [OCR], []),
    (place("ledger"), place("ocr", revision=1), [OCR], [LEDGER]),
    (place("ocr"), place("summarize", revision=1), [OCR, SUMMARIZE], [OCR, OCR]),
]


@pytest.mark.parametrize(("before", "after", "entered", "left"), WAYS)
def test_each_way_from_here_to_there(
    before: RegisteredDocument | None,
    after: RegisteredDocument,
    entered: list[int],
    left: list[int],
) -> None:
    """The rule, as a table."""
    assert tuple(map(list, passed(before, after))) == (entered, left)


places = st.builds(
    place,
    st.sampled_from(STAGES),
    st.none() | st.sampled_from(Terminal),
    revision=st.integers(0, 2),
    replay=st.integers(0, 2),
)


@given(st.none() | places, places)
def test_what_comes_in_either_waits_or_leaves(
    before: RegisteredDocument | None, after: RegisteredDocument
) -> None:
    """Whatever two states follow each other, no stage ever owes a document."""
    assume(before is None or position(before) < position(after))
    waiting = [0] * len(STAGES)
    if before is not None and before.status is None:
        waiting[STAGES.index(before.stage)] += 1
    entered, left = passed(before, after)
    for rank in entered:
        waiting[rank] += 1
    for rank in left:
        waiting[rank] -= 1
    expected = [0] * len(STAGES)
    if after.status is None:
        expected[STAGES.index(after.stage)] += 1
    assert waiting == expected
