"""What every register promises when something comes again, or its rows were lost."""

from datetime import timedelta

import pytest

from services.ingest.register import TableRegister
from services.ingest.registered import SubmissionStatus, Terminal
from shared.events.payloads import DocumentErased, EntryKind
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from tests.services.ingest.lifecycle import (
    DOC,
    JOB,
    OTHER,
    SECOND,
    START,
    THIRD,
    counted,
    document,
    event,
    posted,
    quarantined,
    received,
    upload,
)


def test_a_quarantined_upload_is_counted_before_it_is_a_document(register: TableRegister) -> None:
    """An upload that kills its worker never reaches the register by itself; its job stands in."""
    register.apply([event(quarantined(JOB, QuarantineReason.KILLS_WORKERS))])
    assert document(register, JOB).status is Terminal.QUARANTINED
    counted(register, submissions=1, made=1, documents=1, quarantined=1)


@pytest.mark.parametrize("becomes", ["accepted", "expanded", "duplicate", "refused"])
def test_a_replayed_upload_takes_the_place_of_its_job(
    register: TableRegister, becomes: str
) -> None:
    """Whatever it turns out to be, it is counted once."""
    register.apply([event(quarantined(JOB), minutes=4)])
    again = upload(replay=1, parent=THIRD, minutes=9)
    if becomes == "accepted":
        register.accept(again, document_id=DOC, pages=1)
        counted(register, submissions=1, made=1, documents=1, in_flight=1)
    elif becomes == "expanded":
        register.expand(again, document_id=DOC)
        counted(register, submissions=1, made=1, documents=1, expanded=1)
    elif becomes == "duplicate":
        register.accept(upload(SECOND), document_id=DOC, pages=1)
        register.accept(again, document_id=DOC, pages=1)
        counted(register, submissions=2, made=1, duplicates=1, documents=1, in_flight=1)
    else:
        register.refuse(again, RefusedReason.ERASED)
        counted(register, submissions=1, refused=1)
    found = register.submission(JOB)
    assert found is not None
    assert (found.received_at, found.parent) == (START + timedelta(minutes=4), THIRD)
    assert register.document("acme", JOB) is None
    register.apply([event(quarantined(JOB))])
    assert register.document("acme", JOB) is None


def test_a_duplicate_of_a_quarantined_job_can_be_told_apart(register: TableRegister) -> None:
    """The explicit way books it too, and lets go of the stand-in."""
    register.accept(upload(SECOND), document_id=DOC, pages=1)
    register.apply([event(quarantined(JOB))])
    assert register.duplicate(upload(), document_id=DOC).status is SubmissionStatus.DUPLICATE
    counted(register, submissions=2, made=1, duplicates=1, documents=1, in_flight=1)


def test_a_quarantine_of_an_accepted_job_is_that_of_its_document(register: TableRegister) -> None:
    """The worker died after the register knew, before anybody else did."""
    register.accept(upload(), document_id=DOC, pages=1)
    register.apply([event(quarantined(JOB))])
    assert document(register).status is Terminal.QUARANTINED
    counted(register, submissions=1, made=1, documents=1, quarantined=1)


def test_a_quarantine_of_a_duplicate_leaves_the_first_document_alone(
    register: TableRegister,
) -> None:
    """Somebody else's document is not to blame."""
    register.accept(upload(), document_id=DOC, pages=1)
    register.accept(upload(SECOND), document_id=DOC, pages=1)
    register.apply([event(quarantined(SECOND), job=SECOND)])
    assert document(register).status is None
    counted(register, submissions=2, made=1, duplicates=1, documents=1, in_flight=1)


def test_lost_rows_come_back_with_the_next_event(register: TableRegister) -> None:
    """The register can be rebuilt by letting the events pass once more."""
    register.apply(
        [
            event(received()),
            event(posted()),
            event(received(OTHER), job=SECOND),
            event(DocumentErased(document_id=OTHER), job=SECOND),
        ]
    )
    counted(register, submissions=2, made=2, documents=2, posted=1, voided=1, erased=1)
    assert document(register).pages == 2


def test_a_lost_submission_comes_back_as_what_it_was(register: TableRegister) -> None:
    """An event of another job about the same document tells of a duplicate."""
    register.apply([event(received()), event(received(revision=1), job=SECOND)])
    found = register.submission(SECOND)
    assert found is not None
    assert (found.status, found.first_job) == (SubmissionStatus.DUPLICATE, JOB)
    register.apply([event(posted(revision=1), job=SECOND)])
    assert document(register).job_id == JOB
    counted(register, submissions=2, made=1, duplicates=1, documents=1, posted=1)


def test_an_event_about_no_document_is_ignored(register: TableRegister) -> None:
    """The projector may be given anything on the bus."""
    register.apply([upload(), event(posted(kind=EntryKind.PERIOD_CLOSE))])
    register.apply([])
    counted(register)
