"""What every register promises of a document on its way, from its reader to its entry."""

from datetime import timedelta

import pytest

from services.ingest.register import TableRegister
from services.ingest.registered import Terminal
from shared.events.codec import from_structured
from shared.events.payloads import DocumentErased, EntryKind
from shared.telemetry.reasons import HeldReason, QuarantineReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    JOB,
    OTHER,
    SECOND,
    START,
    counted,
    document,
    event,
    held,
    posted,
    quarantined,
    read,
    received,
    summarized,
    upload,
)


def test_a_document_moves_from_stage_to_stage(register: TableRegister) -> None:
    """Each stage has its own deadline, counted from the event that began it."""
    register.accept(upload(), document_id=DOC, pages=2)
    for minutes, data, stage in (
        (1, received(), "ocr"),
        (2, read(), "summarize"),
        (3, summarized(), "ledger"),
    ):
        said = event(data, minutes=minutes)
        register.apply([said])
        found = document(register)
        assert (found.stage, found.status) == (stage, None)
        assert found.deadline == said.time + DEADLINES(found.stage)
        assert from_structured(found.last_event) == said
    register.apply([event(posted())])
    assert document(register).status is Terminal.POSTED
    assert document(register).deadline is None
    counted(register, submissions=1, made=1, documents=1, posted=1)


def test_late_and_repeated_events_change_nothing(register: TableRegister) -> None:
    """The bus delivers at least once, in any order."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(summarized(), minutes=3), event(received(), minutes=1)])
    before = document(register)
    assert before.stage == "ledger"
    register.apply([event(read(), minutes=2), event(summarized(), minutes=9)])
    assert document(register) == before


def test_a_quarantined_document_says_why(register: TableRegister) -> None:
    """Its way ended, for now."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(received()), event(quarantined())])
    found = document(register)
    assert (found.status, found.reason) == (Terminal.QUARANTINED, QuarantineReason.UNREADABLE)
    assert (found.stage, found.deadline) == ("ocr", None)
    counted(register, submissions=1, made=1, documents=1, quarantined=1)


def test_a_replay_takes_a_document_out_of_quarantine(register: TableRegister) -> None:
    """Its replay count is higher; what the first attempt still says is old."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(quarantined()), event(read(), replay=1, minutes=5)])
    assert document(register).status is None
    register.apply([event(quarantined(reason=QuarantineReason.DEAD_LETTER))])
    assert document(register).stage == "summarize"
    register.apply([event(posted(), replay=1)])
    assert document(register).status is Terminal.POSTED


def test_a_replayed_upload_takes_its_document_out_of_quarantine(register: TableRegister) -> None:
    """It was accepted without a page count; the second inspection knows it."""
    register.accept(upload(), document_id=DOC, pages=0)
    register.apply([event(quarantined())])
    register.accept(upload(replay=1, minutes=7), document_id=DOC, pages=2)
    found = document(register)
    assert (found.status, found.stage, found.pages, found.replay) == (None, "ingest", 2, 1)
    register.expand(upload(replay=2), document_id=DOC)
    assert document(register).status is Terminal.EXPANDED
    counted(register, submissions=1, made=1, documents=1, expanded=1)


def test_a_hold_is_posted_or_voided_by_a_person(register: TableRegister) -> None:
    """Entries follow each other in one direction."""
    for doc, job, kind, end in (
        (DOC, JOB, EntryKind.POST, Terminal.POSTED),
        (OTHER, SECOND, EntryKind.VOID, Terminal.VOIDED),
    ):
        register.accept(upload(job), document_id=doc, pages=2)
        register.apply([event(held(doc), job=job)])
        assert document(register, doc).status is Terminal.HELD
        assert document(register, doc).reason is HeldReason.TOTAL_MISSING
        register.apply([event(posted(doc, kind), job=job), event(held(doc), job=job)])
        assert document(register, doc).status is end
        assert document(register, doc).reason is None
    counted(register, submissions=2, made=2, documents=2, posted=1, voided=1)


def test_an_entry_outranks_a_quarantine(register: TableRegister) -> None:
    """What is sealed is sealed, whatever a dead letter says of another delivery."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(posted()), event(quarantined(), replay=1), event(read(), replay=2)])
    assert document(register).status is Terminal.POSTED


@pytest.mark.parametrize("kind", [EntryKind.REVERSAL, EntryKind.ERASURE, EntryKind.PERIOD_CLOSE])
def test_an_entry_that_ends_nothing_moves_nothing(register: TableRegister, kind: EntryKind) -> None:
    """A reversal makes room for the next revision."""
    register.accept(upload(), document_id=DOC, pages=2)
    before = document(register)
    register.apply([event(posted(kind=kind))])
    assert document(register) == before


def test_a_new_revision_starts_again(register: TableRegister) -> None:
    """Reprocessing on purpose is a new way through the stages."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(posted(kind=EntryKind.VOID))])
    register.apply([event(received(revision=1), job=SECOND, minutes=8)])
    found = document(register)
    assert (found.revision, found.stage, found.status) == (1, "ocr", None)
    register.apply([event(posted())])
    assert document(register).revision == 1


def test_erased_is_a_flag(register: TableRegister) -> None:
    """A posted document stays posted."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(posted()), event(DocumentErased(document_id=DOC))])
    assert document(register).erased
    counted(register, submissions=1, made=1, documents=1, posted=1, erased=1)


def test_a_document_erased_under_way_is_voided(register: TableRegister) -> None:
    """Nobody works on it any more, so it must neither be late nor be missing from the sum."""
    register.accept(upload(), document_id=DOC, pages=2)
    register.apply([event(DocumentErased(document_id=DOC)), event(read(), minutes=1)])
    assert document(register).erased
    assert register.late(START + timedelta(days=99)) == []
    counted(register, submissions=1, made=1, documents=1, voided=1, erased=1)
    register.apply([event(posted())])
    counted(register, submissions=1, made=1, documents=1, posted=1, erased=1)
