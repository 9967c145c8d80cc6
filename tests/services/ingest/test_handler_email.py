"""E-mails become uploads of their own, and their parts go with them."""

import pytest

from services.ingest.canary import CANARY
from services.ingest.inbox import Upload
from services.ingest.inspection import Attachment, Inspection
from services.ingest.registered import Submission, SubmissionStatus
from shared.events.envelope import Event
from shared.events.ids import document_id, keyed_id
from shared.events.payloads import EventType, MediaType, UploadArrived
from shared.telemetry.reasons import RefusedReason
from shared.worker.outcome import Outcome
from tests.services.ingest.handler_house import KEY, PDF, TENANT, House, arrived, intake_of, job


def test_an_email_becomes_uploads_of_its_own(house: House) -> None:
    """Each part is one submission with a parent, and the same jobs at every redelivery."""
    parts = (Attachment("message.txt", b"hello"), Attachment("../x.pdf", CANARY))
    house.inspector.found = Inspection(MediaType.EMAIL, 0, parts)
    event = house.arrive(1, b"From: a")
    outcome = house.handle(event)
    jobs = [keyed_id(KEY, "attachment", job(1), number) for number in (0, 1)]
    assert intake_of(outcome).status == "expanded"
    assert intake_of(outcome).attachments == tuple(jobs)
    assert [(child.type, child.subject, child.jobid) for child in outcome.children] == [
        (EventType.UPLOAD_ARRIVED, one, one) for one in jobs
    ]
    data = [UploadArrived.model_validate(child.data) for child in outcome.children]
    assert {(one.entrance, one.parent) for one in data} == {("attachment", job(1))}
    assert [house.inbox.open(one.upload) for one in data] == [
        Upload("message.txt", b"hello", parent=job(1)),
        Upload("../x.pdf", CANARY, parent=job(1)),
    ]
    assert house.register.submissions[job(1)].status is SubmissionStatus.EXPANDED
    assert house.handle(event) == outcome


def test_an_attachment_remembers_its_email(house: House) -> None:
    """The link must survive in what ingest stores."""
    stored = house.inbox.put(TENANT, job(2), Upload("x.pdf", CANARY))
    data = UploadArrived(upload=stored, entrance="attachment", parent=job(1))
    assert intake_of(house.handle(arrived(job(2), data))).parent == job(1)


def email(house: House) -> list[Event]:
    """Hand in an e-mail with two parts and return their events."""
    parts = (Attachment("message.txt", b"hello"), Attachment("x.pdf", CANARY))
    house.inspector.found = Inspection(MediaType.EMAIL, 0, parts)
    outcome = house.handle(house.arrive(1, b"From: a"))
    house.inspector.found = PDF
    return [
        arrived(child.subject or "", UploadArrived.model_validate(child.data))
        for child in outcome.children
    ]


def test_a_part_of_an_erased_email_is_refused_unread(house: House) -> None:
    """It would come to life after its e-mail: the eraser could not know that it is under way."""
    body, attachment = email(house)
    house.handle(body)
    house.erased.add(document_id(KEY, b"From: a"))
    looks = house.inspector.looks
    assert house.handle(attachment) == Outcome()
    refused = house.register.submissions[attachment.jobid]
    assert (refused.status, refused.reason) == (SubmissionStatus.REFUSED, RefusedReason.ERASED)
    assert f"inbox/{TENANT}/{attachment.jobid}" not in house.inbox.uploads
    assert house.inspector.looks == looks
    # One that was a document before is the eraser's to judge: others may have brought it, too.
    assert house.handle(body).children


def test_a_part_that_was_removed_with_its_email_is_refused_as_erased(house: House) -> None:
    """The eraser took it from the door before ingest looked: nothing was wrong with the file."""
    _body, attachment = email(house)
    house.erased.add(document_id(KEY, b"From: a"))
    house.inbox.uploads.clear()
    assert house.handle(attachment) == Outcome()
    assert house.register.submissions[attachment.jobid].reason is RefusedReason.ERASED


def test_a_part_that_is_refused_leaves_the_same_bytes_of_others_alone(house: House) -> None:
    """A living document's key must not go because an erased e-mail carried it, too."""
    house.handle(house.arrive(7, CANARY))
    _body, attachment = email(house)
    house.erased.add(document_id(KEY, b"From: a"))
    house.handle(attachment)
    assert house.originals.kept[document_id(KEY, CANARY)] == CANARY


def test_a_part_whose_event_was_lost_still_knows_its_email(house: House) -> None:
    """The sweeper sends it again from what lies in the inbox, and knows of no e-mail."""
    _body, attachment = email(house)
    assert isinstance(attachment.data, UploadArrived)
    swept = UploadArrived(upload=attachment.data.upload, entrance="sweeper")
    assert intake_of(house.handle(arrived(attachment.jobid, swept))).parent == job(1)


def test_an_email_that_is_erased_while_it_is_taken_apart_leaves_no_parts(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Uploads that nobody was told of would be swept in later."""
    book = house.register.expand

    def late(upload: Event, *, document_id: str) -> Submission:
        house.erased.add(document_id)
        return book(upload, document_id=document_id)

    monkeypatch.setattr(house.register, "expand", late)
    assert email(house) == []
    assert house.inbox.uploads == {}
