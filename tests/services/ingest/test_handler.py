"""The story of one upload, by its endings."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

import pytest

from services.ingest.canary import CANARY
from services.ingest.handler import handle
from services.ingest.inbox import Upload
from services.ingest.inspection import Attachment, Inspection
from services.ingest.registered import (
    Register,
    RegisteredDocument,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.errors import PermanentError
from shared.events.envelope import Event, make_event
from shared.events.ids import document_id, keyed_id
from shared.events.payloads import (
    DocumentErased,
    DocumentReceived,
    EventType,
    MediaType,
    Reference,
    UploadArrived,
)
from shared.events.results import Intake
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.worker.outcome import Outcome

TENANT = "acme"
KEYRING = MemoryKeyring()
KEY = KEYRING.tenant_key(TENANT, TenantPurpose.IDS)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PDF = Inspection(MediaType.PDF, 2)


def job(number: int) -> str:
    """Return the id of a job."""
    return keyed_id(KEY, "job", number)


def reference(name: str) -> Reference:
    """Return a reference to something stored."""
    return Reference(name=name, generation=1, digest="0" * 64, size=1)


@dataclass
class FakeInbox:
    uploads: dict[str, Upload] = field(default_factory=dict)

    def open(self, upload: Reference) -> Upload:
        return self.uploads[upload.name]

    def put(self, tenant: str, job_id: str, upload: Upload) -> Reference:
        name = f"inbox/{tenant}/{job_id}"
        self.uploads.setdefault(name, upload)
        return reference(name)

    def discard(self, upload: Reference) -> None:
        self.uploads.pop(upload.name, None)


@dataclass
class FakeOriginals:
    kept: dict[str, bytes] = field(default_factory=dict)
    erase_meanwhile: set[str] | None = None

    def keep(self, document_id: str, content: bytes) -> Reference:
        self.kept.setdefault(document_id, content)
        if self.erase_meanwhile is not None:
            self.erase_meanwhile.add(document_id)
        return reference(f"originals/{document_id}")

    def forget(self, document_id: str) -> None:
        self.kept.pop(document_id, None)


@dataclass
class FakeRegister:
    """First come, first served; a job gets the same answer again."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    documents: dict[str, RegisteredDocument] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)
    reserved: dict[tuple[str, int], int] = field(default_factory=dict)
    budget_exceeded: bool = False

    def _book(self, event: Event, status: SubmissionStatus, document: str | None) -> Submission:
        first = None
        if document is not None and status is not SubmissionStatus.REFUSED:
            known = self.documents.setdefault(document, registered(document, event.jobid))
            if known.job_id != event.jobid:
                status, first = SubmissionStatus.DUPLICATE, known.job_id
        made = Submission(event.jobid, TENANT, status, NOW, document, first_job=first)
        return self.submissions.setdefault(event.jobid, made)

    def accept(self, upload: Event, *, document_id: str, pages: int) -> Submission:
        self.pages.setdefault(document_id, pages)
        booked = self._book(upload, SubmissionStatus.ACCEPTED, document_id)
        if booked.status is SubmissionStatus.ACCEPTED and pages:
            self.reserve(upload, document_id=document_id, revision=0, pages=pages)
        return booked

    def expand(self, upload: Event, *, document_id: str) -> Submission:
        return self._book(upload, SubmissionStatus.EXPANDED, document_id)

    def duplicate(self, upload: Event, *, document_id: str) -> Submission:
        return self._book(upload, SubmissionStatus.DUPLICATE, document_id)

    def reserve(self, upload: Event, *, document_id: str, revision: int, pages: int) -> None:
        assert upload.tenant == TENANT
        if self.budget_exceeded:
            raise PermanentError(QuarantineReason.BUDGET_EXCEEDED, document_id=document_id)
        self.reserved[document_id, revision] = pages

    def refuse(
        self, upload: Event, reason: RefusedReason, *, document_id: str | None = None
    ) -> Submission:
        booked = self._book(upload, SubmissionStatus.REFUSED, document_id)
        self.submissions[upload.jobid] = replace(booked, reason=reason)
        return booked

    def submission(self, job_id: str) -> Submission | None:
        return self.submissions.get(job_id)

    def document(self, _tenant: str, document_id: str) -> RegisteredDocument | None:
        return self.documents.get(document_id)


def registered(document: str, job_id: str) -> RegisteredDocument:
    """Return a document under way."""
    return RegisteredDocument(
        tenant=TENANT,
        document_id=document,
        job_id=job_id,
        revision=0,
        replay=0,
        stage="ocr",
        terminal=None,
        reason=None,
        erased=False,
        pages=1,
        deadline=None,
        since=NOW,
        last_event=b"",
    )


@dataclass
class FakeInspector:
    found: Inspection | QuarantineReason = PDF
    looks: int = 0

    def inspect(self, _content: bytes) -> Inspection:
        self.looks += 1
        if isinstance(self.found, QuarantineReason):
            raise PermanentError(self.found)
        return self.found


@dataclass
class FakeReplays:
    replayed: list[str] = field(default_factory=list)

    def replay(self, document_id: str) -> None:
        self.replayed.append(document_id)


@dataclass
class House:
    """Ingest with fakes all round."""

    inbox: FakeInbox = field(default_factory=FakeInbox)
    originals: FakeOriginals = field(default_factory=FakeOriginals)
    register: FakeRegister = field(default_factory=FakeRegister)
    erased: set[str] = field(default_factory=set)
    inspector: FakeInspector = field(default_factory=FakeInspector)
    replays: FakeReplays = field(default_factory=FakeReplays)

    def stands(self, document_id: str) -> bool:
        return document_id in self.erased

    def arrive(self, number: int, content: bytes, name: str = "a.pdf") -> Event:
        """Put bytes into the inbox and return the event that says so."""
        stored = self.inbox.put(TENANT, job(number), Upload(name, content))
        return arrived(job(number), UploadArrived(upload=stored, entrance="cli"))

    def handle(self, event: Event) -> Outcome:
        return handle(
            event,
            inbox=self.inbox,
            originals=self.originals,
            register=cast("Register", self.register),
            erased=self,
            inspector=self.inspector,
            replays=self.replays,
            keyring=KEYRING,
            most_bytes=1000,
        )


def arrived(job_id: str, data: UploadArrived | DocumentErased) -> Event:
    """Return an event as the bus brings it."""
    return make_event(
        data,
        tenant_key=KEY,
        tenant=TENANT,
        source="entrance",
        subject=job_id,
        jobid=job_id,
        traceparent="00-" + "1" * 32 + "-" + "2" * 16 + "-01",
        time=NOW,
    )


@pytest.fixture
def house() -> House:
    """Give an empty house."""
    return House()


def intake_of(outcome: Outcome) -> Intake:
    """Return what the handler learnt."""
    assert isinstance(outcome.result, Intake)
    return outcome.result


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


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", RefusedReason.EMPTY), (b"x" * 1001, RefusedReason.TOO_LARGE)]
)
def test_a_refused_upload_leaves_nothing_behind(
    house: House, content: bytes, reason: RefusedReason
) -> None:
    """No document, no key, no copy in the inbox; and the same answer to a redelivery."""
    event = house.arrive(1, content)
    assert house.handle(event) == Outcome()
    assert house.register.submissions[job(1)].reason is reason
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}
    assert house.handle(event) == Outcome()


def test_erased_bytes_are_refused_and_not_kept(house: House) -> None:
    """Erasure holds against the sender, too: the inbox copy must go as well."""
    house.erased.add(document_id(KEY, CANARY))
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.ERASED
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}


def test_an_erasure_in_the_middle_wins(house: House) -> None:
    """The key made for the original must not outlive the tombstone."""
    house.originals.erase_meanwhile = house.erased
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.ERASED
    assert house.originals.kept == {}
    assert house.inbox.uploads == {}


def test_the_same_bytes_again_do_not_bring_an_erased_document_back(house: House) -> None:
    """Erased after the tombstone was looked for, it counts as voided; voided ones are read anew."""
    house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    known = house.register.documents[document]
    house.register.documents[document] = replace(known, erased=True)
    house.originals.kept.clear()
    house.originals.erase_meanwhile = house.erased
    assert house.handle(house.arrive(2, CANARY)) == Outcome()
    assert house.originals.kept == {}
    assert "inbox/acme/" + job(2) not in house.inbox.uploads


@pytest.mark.parametrize("found", [PDF, QuarantineReason.UNREADABLE])
def test_an_erasure_while_an_upload_is_booked_removes_the_upload(
    house: House, monkeypatch: pytest.MonkeyPatch, found: Inspection | QuarantineReason
) -> None:
    """Booked after the eraser asked whose uploads to remove: nobody else would remove this one."""
    house.inspector.found = found
    book = house.register.accept

    def late(upload: Event, *, document_id: str, pages: int) -> Submission:
        house.erased.add(document_id)
        return book(upload, document_id=document_id, pages=pages)

    monkeypatch.setattr(house.register, "accept", late)
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}


def test_a_key_made_before_a_crash_does_not_outlive_the_erasure(house: House) -> None:
    """Dead between keeping the original and looking for the tombstone: the next one lets go."""
    house.originals.kept[document_id(KEY, CANARY)] = CANARY
    house.erased.add(document_id(KEY, CANARY))
    house.handle(house.arrive(1, CANARY))
    assert house.originals.kept == {}


def test_an_upload_that_was_erased_after_it_was_booked_is_done(house: House) -> None:
    """The eraser takes the upload away; a late redelivery must not alarm anybody."""
    event = house.arrive(1, CANARY)
    house.handle(event)
    house.inbox.uploads.clear()
    house.erased.add(document_id(KEY, CANARY))
    assert house.handle(event) == Outcome()


def test_an_upload_that_vanished_is_told(house: House) -> None:
    """Unbooked, it is refused with a reason; booked, it is a document that cannot go on."""
    event = house.arrive(1, CANARY)
    house.inbox.uploads.clear()
    assert house.handle(event) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.UNREADABLE_FILE
    event = house.arrive(2, CANARY)
    house.handle(event)
    house.inbox.uploads.clear()
    with pytest.raises(PermanentError) as caught:
        house.handle(event)
    assert caught.value.document_id == document_id(KEY, CANARY)


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


def test_another_event_is_none_of_its_business(house: House) -> None:
    """A wiring mistake must be told, not guessed around."""
    with pytest.raises(PermanentError) as caught:
        house.handle(arrived(job(1), DocumentErased(document_id=job(1))))
    assert caught.value.reason is QuarantineReason.MALFORMED_EVENT
