"""What every register promises of arrivals; the same suite runs on each implementation."""

import pytest

from services.ingest.register import TableRegister
from services.ingest.registered import Submission, SubmissionStatus, Terminal
from shared.events.codec import from_structured
from shared.events.payloads import UploadArrived
from shared.telemetry.reasons import RefusedReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    JOB,
    OTHER,
    REF,
    SECOND,
    START,
    THIRD,
    counted,
    document,
    event,
    received,
    upload,
)


def test_an_accepted_upload_is_a_document_in_ingest(register: TableRegister) -> None:
    """From here on it is counted, and has a deadline."""
    submission = register.accept(upload(parent=THIRD), document_id=DOC, pages=2)
    assert submission == Submission(
        JOB, "acme", SubmissionStatus.ACCEPTED, START, document_id=DOC, parent=THIRD
    )
    assert register.submission(JOB) == submission
    found = document(register)
    assert (found.stage, found.status, found.pages, found.job_id) == ("ingest", None, 2, JOB)
    assert found.deadline == START + DEADLINES("ingest")
    assert from_structured(found.last_event) == upload(parent=THIRD)
    counted(register, submissions=1, made=1, documents=1, in_flight=1)


def test_accepting_again_changes_nothing(register: TableRegister) -> None:
    """A redelivered upload is the same submission."""
    first = register.accept(upload(), document_id=DOC, pages=2)
    before = document(register)
    assert register.accept(upload(minutes=9), document_id=DOC, pages=2) == first
    assert document(register) == before


def test_the_same_bytes_from_another_job_are_a_duplicate(register: TableRegister) -> None:
    """Nothing posts twice; the second submission points at the first."""
    register.accept(upload(), document_id=DOC, pages=2)
    second = register.accept(upload(SECOND), document_id=DOC, pages=2)
    assert (second.status, second.first_job) == (SubmissionStatus.DUPLICATE, JOB)
    assert second.document_id == DOC
    assert register.accept(upload(SECOND), document_id=DOC, pages=2) == second
    assert register.duplicate(upload(THIRD), document_id=DOC).first_job == JOB
    counted(register, submissions=3, made=1, duplicates=2, documents=1, in_flight=1)


def test_a_duplicate_of_nothing_is_a_bug(register: TableRegister) -> None:
    """A submission that points nowhere would be lost."""
    with pytest.raises(LookupError):
        register.duplicate(upload(), document_id=DOC)
    counted(register)


def test_a_refused_upload_is_no_document(register: TableRegister) -> None:
    """It is counted all the same."""
    refused = register.refuse(upload(), RefusedReason.EMPTY)
    assert (refused.status, refused.reason) == (SubmissionStatus.REFUSED, RefusedReason.EMPTY)
    assert register.refuse(upload(), RefusedReason.TOO_LARGE) == refused
    assert register.accept(upload(), document_id=DOC, pages=1) == refused
    counted(register, submissions=1, refused=1)


def test_who_has_a_part_in_hand_books_it_though_its_email_was_erased(
    register: TableRegister,
) -> None:
    """Two workers, one e-mail erased between them: a document without a submission is lost."""
    register.refuse(upload(parent=THIRD), RefusedReason.ERASED)
    counted(register, submissions=1, refused=1)
    booked = register.accept(upload(parent=THIRD), document_id=DOC, pages=1)
    assert (booked.status, booked.reason) == (SubmissionStatus.ACCEPTED, None)
    register.refuse(upload(parent=THIRD), RefusedReason.ERASED)
    register.apply([event(received())])
    counted(register, submissions=1, made=1, documents=1, in_flight=1)
    assert register.parts_of([THIRD]) == [booked]


def test_what_was_accepted_is_not_refused_later(register: TableRegister) -> None:
    """The first answer to a job stands."""
    first = register.accept(upload(), document_id=DOC, pages=1)
    assert register.refuse(upload(), RefusedReason.ERASED, document_id=DOC) == first
    assert register.duplicate(upload(), document_id=DOC) == first


def test_an_expanded_email_is_a_document_that_is_done(register: TableRegister) -> None:
    """Its attachments are documents of their own; it waits for nobody."""
    email = register.expand(upload(), document_id=DOC)
    assert email.status is SubmissionStatus.EXPANDED
    assert register.expand(upload(), document_id=DOC) == email
    assert document(register).status is Terminal.EXPANDED
    assert document(register).deadline is None
    assert register.expand(upload(SECOND), document_id=DOC).status is SubmissionStatus.DUPLICATE
    counted(register, submissions=2, made=1, duplicates=1, documents=1, expanded=1)


def test_tenants_see_their_own(register: TableRegister) -> None:
    """The sums hold for each of them."""
    register.accept(upload(), document_id=DOC, pages=1)
    theirs = event(UploadArrived(upload=REF, entrance="cli"), job=SECOND, tenant="other")
    register.accept(theirs, document_id=OTHER, pages=1)
    assert [row.job_id for row in register.submissions("acme")] == [JOB]
    assert [row.document_id for row in register.documents("other")] == [OTHER]
    assert [row.job_id for row in register.submissions()] == [JOB, SECOND]
    assert [row.document_id for row in register.documents()] == [DOC, OTHER]
    assert [row.document_id for row in register.documents("acme", beginning=DOC[:4])] == [DOC]
    assert [row.document_id for row in register.documents(beginning=OTHER)] == [OTHER]
    assert register.documents("other", beginning=DOC[:4]) == []
    assert register.counts(START, "other").documents == 1
    assert register.counts(START).documents == 2
    assert register.document("other", DOC) is None


def test_unknown_jobs_are_told_from_known_ones(register: TableRegister) -> None:
    """The sweeper asks about the whole inbox at once."""
    register.accept(upload(), document_id=DOC, pages=1)
    many = [f"{number:040x}" for number in range(1200)]
    assert register.unknown_jobs([*many, JOB, SECOND]) == [*many, SECOND]


def test_rows_tell_nothing_of_an_event_when_printed(register: TableRegister) -> None:
    """Rows end up in error reports."""
    register.accept(upload(), document_id=DOC, pages=1)
    assert "originals" not in repr(document(register))


def test_a_document_knows_who_brought_it_and_an_email_what_it_carried(
    register: TableRegister,
) -> None:
    """An erasure must find every trace of a document, and of an e-mail's parts."""
    register.expand(upload(), document_id=DOC)
    part = register.accept(upload(SECOND, parent=JOB, minutes=1), document_id=OTHER, pages=1)
    own = register.accept(upload(THIRD, minutes=2), document_id=OTHER, pages=1)
    assert register.submissions_of("acme", OTHER) == [part, own]
    assert register.submissions_of("other", OTHER) == []
    assert register.parts_of([JOB, THIRD]) == [part]
    assert register.parts_of([]) == []
