"""What every register promises; the same suite runs on each implementation."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.ingest.register import TableRegister
from services.ingest.register_memory import memory_register
from services.ingest.register_schema import METADATA, REGISTER
from services.ingest.register_sql import SqlRegister
from services.ingest.registered import (
    Counts,
    RegisteredDocument,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.bus.topology import load_topology
from shared.database.sqlite import open_sqlite
from shared.events.codec import from_structured
from shared.events.envelope import Event, make_event
from shared.events.payloads import (
    DocumentErased,
    DocumentQuarantined,
    DocumentRead,
    DocumentReceived,
    DocumentSummarized,
    DocumentType,
    EntryHeld,
    EntryKind,
    EntryPosted,
    MediaType,
    Payload,
    Reference,
    UploadArrived,
)
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason

START = datetime(2026, 1, 1, tzinfo=UTC)
REF = Reference(name="originals/x", generation=1, digest="ab" * 32, size=1)
DEADLINES = load_topology().deadline
DOC, OTHER = "d0" * 20, "d1" * 20
JOB, SECOND, THIRD = "a0" * 20, "a1" * 20, "a2" * 20


def event(
    data: Payload,
    *,
    job: str = JOB,
    replay: int = 0,
    minutes: float = 0,
    tenant: str = "acme",
) -> Event:
    """Wrap a payload."""
    return make_event(
        data,
        tenant_key=b"k" * 32,
        tenant=tenant,
        source="ingest",
        subject=getattr(data, "document_id", job),
        jobid=job,
        traceparent=f"00-{'7c' * 16}-{'5e' * 8}-01",
        time=START + timedelta(minutes=minutes),
        replay=replay,
    )


def upload(
    job: str = JOB, *, replay: int = 0, parent: str | None = None, minutes: float = 0
) -> Event:
    """Return the arrival of a job."""
    data = UploadArrived(upload=REF, entrance="cli", parent=parent)
    return event(data, job=job, replay=replay, minutes=minutes)


def received(doc: str = DOC, revision: int = 0) -> DocumentReceived:
    """Return a payload."""
    return DocumentReceived(
        document_id=doc, revision=revision, original=REF, media_type=MediaType.PDF, pages=2
    )


def read(doc: str = DOC) -> DocumentRead:
    """Return a payload."""
    return DocumentRead(document_id=doc, original=REF, result=REF, pages=2)


def summarized(doc: str = DOC) -> DocumentSummarized:
    """Return a payload."""
    return DocumentSummarized(
        document_id=doc, original=REF, result=REF, pages=2, document_type=DocumentType.INVOICE
    )


def quarantined(
    doc: str = DOC, reason: QuarantineReason = QuarantineReason.UNREADABLE
) -> DocumentQuarantined:
    """Return a payload."""
    return DocumentQuarantined(document_id=doc, stage="ocr", reason=reason, record=REF)


def posted(doc: str = DOC, kind: EntryKind = EntryKind.POST, revision: int = 0) -> EntryPosted:
    """Return a payload."""
    return EntryPosted(
        document_id=doc, revision=revision, entry_id="e0" * 20, kind=kind, index=0, tree_size=1
    )


def held(doc: str = DOC) -> EntryHeld:
    """Return a payload."""
    return EntryHeld(
        document_id=doc,
        entry_id="e0" * 20,
        kind=EntryKind.HOLD,
        index=0,
        tree_size=1,
        reason=HeldReason.TOTAL_MISSING,
    )


@pytest.fixture
def sqlite_register(tmp_path: Path) -> Iterator[SqlRegister]:
    """Give an empty register on SQLite."""
    register = SqlRegister(
        open_sqlite(tmp_path / "register.sqlite", REGISTER, busy_s=0.05), DEADLINES
    )
    yield register
    register.close()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def register(request: pytest.FixtureRequest) -> TableRegister:
    """Give an empty register of each kind in turn."""
    if request.param == "memory":
        return memory_register(DEADLINES)
    return on_disk(request)


def on_disk(request: pytest.FixtureRequest) -> SqlRegister:
    """Return an empty register in the database that a test's parameter names."""
    register: SqlRegister = request.getfixturevalue(f"{request.param}_register")
    return register


@pytest.fixture(params=["sqlite", "postgres"])
def sql_register(request: pytest.FixtureRequest) -> SqlRegister:
    """Give an empty register in each kind of database in turn."""
    return on_disk(request)


def document(register: TableRegister, document_id: str = DOC) -> RegisteredDocument:
    """Return a document that must be there."""
    found = register.document("acme", document_id)
    assert found is not None
    return found


def counted(register: TableRegister, **expected: int) -> None:
    """Hold the sums against what is expected; what is not named is zero."""
    counts = register.counts(START)
    assert counts == replace(Counts(), **expected)
    assert counts.balanced


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


def test_late_documents_come_the_longest_first(register: TableRegister) -> None:
    """In flight means inside the deadline; past it, the audit names the document."""
    register.accept(upload(minutes=2), document_id=DOC, pages=1)
    register.accept(upload(SECOND), document_id=OTHER, pages=1)
    deadline = START + DEADLINES("ingest")
    assert register.late(deadline) == []
    late = register.late(deadline + timedelta(minutes=3))
    assert [found.document_id for found in late] == [OTHER, DOC]
    assert register.counts(deadline + timedelta(minutes=1)).late == 1


def test_a_postponed_document_is_late_later(register: TableRegister) -> None:
    """The sweeper published its event again and gives it time."""
    register.accept(upload(), document_id=DOC, pages=1)
    now = START + timedelta(days=1)
    register.postpone(register.late(now), deadline=now + timedelta(minutes=5))
    assert register.late(now) == []
    assert len(register.late(now + timedelta(minutes=6))) == 1


def test_a_document_that_moved_on_is_not_postponed(register: TableRegister) -> None:
    """The sweeper looked, then the document went on: its deadline is the new stage's."""
    register.accept(upload(), document_id=DOC, pages=1)
    seen = document(register)
    register.apply([event(received())])
    register.postpone([seen], deadline=START + timedelta(days=9))
    assert document(register).deadline == START + DEADLINES("ocr")


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


Step = Callable[[TableRegister], object]
STEPS: list[Step] = [
    *(
        step
        for job in (JOB, SECOND)
        for replay in (0, 1)
        for doc in (DOC, OTHER)
        for step in (
            lambda r, j=job, p=replay, d=doc: r.accept(upload(j, replay=p), document_id=d, pages=1),
            lambda r, j=job, p=replay, d=doc: r.expand(upload(j, replay=p), document_id=d),
            lambda r, j=job, p=replay: r.refuse(upload(j, replay=p), RefusedReason.EMPTY),
            lambda r, j=job, p=replay: r.apply([event(quarantined(j), job=j, replay=p)]),
            lambda r, j=job, p=replay, d=doc: r.apply([event(received(d), job=j, replay=p)]),
            lambda r, j=job, p=replay, d=doc: r.apply([event(quarantined(d), job=j, replay=p)]),
            lambda r, j=job, d=doc: r.apply([event(posted(d), job=j), event(held(d), job=j)]),
            lambda r, j=job, d=doc: r.apply([event(DocumentErased(document_id=d), job=j)]),
        )
    )
]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_all_registers_answer_alike(sql_register: SqlRegister, steps: list[Step]) -> None:
    """The simulation may trust the fake."""
    verb = "TRUNCATE" if sql_register.database.kind == "postgresql" else "DELETE FROM"
    with sql_register.database.writing() as connection:
        for table in METADATA.tables:
            connection.execute(text(f"{verb} {table}"))
    memory = memory_register(DEADLINES)
    for step in steps:
        assert step(memory) == step(sql_register)
    assert memory.submissions() == sql_register.submissions()
    assert memory.documents() == sql_register.documents()
    now = START + timedelta(minutes=8)
    assert memory.counts(now) == sql_register.counts(now)
    assert memory.late(now) == sql_register.late(now)
    flow = memory.flow(now, window=timedelta(hours=1))
    assert flow == sql_register.flow(now, window=timedelta(hours=1))
    assert [one.waiting for one in flow] == [one.entered - one.left for one in flow]
