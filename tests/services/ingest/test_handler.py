"""The story of one upload, by its endings."""

from dataclasses import replace

import pytest

from services.ingest.canary import CANARY
from services.ingest.inspection import Inspection
from services.ingest.registered import SubmissionStatus, Terminal
from shared.errors import PermanentError
from shared.events.ids import document_id
from shared.events.payloads import DocumentErased, DocumentReceived, EventType, MediaType
from shared.events.results import Intake
from shared.telemetry.reasons import QuarantineReason
from tests.services.ingest.handler_house import (
    KEY,
    PDF,
    FakeInspector,
    House,
    arrived,
    intake_of,
    job,
)


def test_an_upload_becomes_a_document(house: House) -> None:
    """The main road: kept, booked, told."""
    outcome = house.handle(house.arrive(1, CANARY, "Rechnung\n.pdf"))
    document = document_id(KEY, CANARY)
    assert outcome.result == Intake(
        status="accepted",
        document_id=document,
        source_name="Rechnung\n.pdf",
        media_type=MediaType.PDF,
        pages=2,
    )
    assert outcome.document_id == document
    (child,) = outcome.children
    assert (child.type, child.subject, child.jobid) == (
        EventType.DOCUMENT_RECEIVED,
        document,
        None,
    )
    assert DocumentReceived.model_validate(child.data).pages == 2
    assert house.originals.kept == {document: CANARY}
    assert house.register.pages == {document: 2}


def test_the_foreign_name_is_in_no_event(house: House) -> None:
    """Events are read by everybody; a file name is personal data."""
    outcome = house.handle(house.arrive(1, CANARY, "Anna Muster Kündigung.pdf"))
    assert "Anna" not in str([child.data for child in outcome.children])


def test_the_same_upload_again_ends_the_same(house: House) -> None:
    """At-least-once delivery: a crash after any step repeats the whole."""
    event = house.arrive(1, CANARY)
    assert house.handle(event) == house.handle(event)
    assert len(house.register.submissions) == 1


def test_the_same_bytes_from_another_job_are_a_duplicate(house: House) -> None:
    """Nothing posts twice, and nobody looks twice."""
    house.handle(house.arrive(1, CANARY))
    outcome = house.handle(house.arrive(2, CANARY))
    assert intake_of(outcome).status == "duplicate"
    assert intake_of(outcome).document_id == document_id(KEY, CANARY)
    assert outcome.children == ()
    assert house.inspector.looks == 1
    assert house.replays.replayed == []


def test_two_jobs_at_once_make_one_document(house: House) -> None:
    """Between asking and booking another worker may be faster."""

    class Racing(FakeInspector):
        def inspect(self, content: bytes) -> Inspection:
            house.register.accept(other, document_id=document_id(KEY, content), pages=2)
            return super().inspect(content)

    other = house.arrive(1, CANARY)
    endings: list[Inspection | QuarantineReason] = [
        PDF,
        Inspection(MediaType.EMAIL, 0),
        QuarantineReason.ENCRYPTED,
    ]
    for number, found in enumerate(endings):
        house.inspector = Racing(found)
        house.register.documents.clear()
        outcome = house.handle(house.arrive(2 + number, CANARY))
        assert intake_of(outcome).status == "duplicate"
        assert outcome.children == ()


def test_a_quarantined_document_that_comes_again_is_replayed(house: House) -> None:
    """Handing in the file again is how people ask for another try."""
    house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    known = house.register.documents[document]
    house.register.documents[document] = replace(known, terminal=Terminal.QUARANTINED)
    outcome = house.handle(house.arrive(2, CANARY))
    assert intake_of(outcome).status == "duplicate"
    assert house.replays.replayed == [document]


def test_a_voided_document_that_comes_again_is_a_new_revision(house: House) -> None:
    """A person said no; the sender says yes again: it is read anew and posted anew."""
    house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    known = house.register.documents[document]
    house.register.documents[document] = replace(known, terminal=Terminal.VOIDED, revision=1)
    outcome = house.handle(house.arrive(2, CANARY))
    assert (intake_of(outcome).status, intake_of(outcome).revision) == ("duplicate", 2)
    (child,) = outcome.children
    assert DocumentReceived.model_validate(child.data).revision == 2
    assert house.register.reserved == {(document, 0): PDF.pages, (document, 2): PDF.pages}
    house.inspector.found = QuarantineReason.TOO_MANY_PAGES
    with pytest.raises(PermanentError) as caught:
        house.handle(house.arrive(3, CANARY))
    assert caught.value.document_id == document


def test_a_revision_over_the_budget_is_not_read(house: House) -> None:
    """Reading anew costs as much as reading."""
    house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    known = house.register.documents[document]
    house.register.documents[document] = replace(known, terminal=Terminal.VOIDED)
    house.register.budget_exceeded = True
    with pytest.raises(PermanentError) as caught:
        house.handle(house.arrive(2, CANARY))
    assert caught.value.reason is QuarantineReason.BUDGET_EXCEEDED
    assert caught.value.document_id == document
    assert house.register.submissions[job(2)].status is SubmissionStatus.DUPLICATE


def test_what_cannot_be_read_is_kept_and_counted_first(house: House) -> None:
    """Quarantine holds documents, not rumours: the original is there for a replay."""
    house.inspector.found = QuarantineReason.ENCRYPTED
    with pytest.raises(PermanentError) as caught:
        house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    assert (caught.value.reason, caught.value.document_id) == (
        QuarantineReason.ENCRYPTED,
        document,
    )
    assert house.originals.kept == {document: CANARY}
    assert house.register.submissions[job(1)].status is SubmissionStatus.ACCEPTED


def test_a_replay_of_what_could_not_be_read_goes_the_main_road(house: House) -> None:
    """A newer release may read it."""
    event = house.arrive(1, CANARY)
    house.inspector.found = QuarantineReason.UNSUPPORTED_TYPE
    with pytest.raises(PermanentError):
        house.handle(event)
    house.inspector.found = PDF
    assert intake_of(house.handle(event)).status == "accepted"


def test_another_event_is_none_of_its_business(house: House) -> None:
    """A wiring mistake must be told, not guessed around."""
    with pytest.raises(PermanentError) as caught:
        house.handle(arrived(job(1), DocumentErased(document_id=job(1))))
    assert caught.value.reason is QuarantineReason.MALFORMED_EVENT
