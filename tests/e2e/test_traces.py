"""One trace a submission: one root, no orphan, every stage; and every log line joined to a span."""

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.local.house import DEFAULT_TENANT
from examples.generate import save_examples
from examples.truth import Example
from services.ingest.inbox import pack
from services.ingest.registered import Submission, SubmissionStatus
from services.ingest.sweeper import Sweeper
from shared.clock import FakeClock
from shared.events.ids import keyed_id
from shared.keys.port import TenantPurpose
from shared.telemetry.span_files import LinkedSpan, SpanRecord, read_spans
from shared.telemetry.spans import SpanAttribute
from shared.telemetry.stages import Stage
from shared.worker import names
from tests.e2e.commands import docledger
from tests.e2e.settled import opened

pytestmark = pytest.mark.integration

CHOSEN: Final = {
    "invoice-de-label-left.pdf",
    "contract.pdf",
    "mail-with-attachments.eml",
    "corrupt.pdf",
    "empty.pdf",
}
"""One of each way that a submission can go; the invoice comes twice."""

WAY: Final = ["entrance", "ingest", "ocr", "summarize", "ledger", "sequencer"]
PARTS: Final = {"handle", "store", "send"}


@dataclass(frozen=True)
class Told:
    """What a data folder tells after a day.

    Attributes:
        traces: every span, by trace.
        lines: every log line.
        jobs: of each submission, by the last part of the name that it came with.
        submissions: by job.
    """

    traces: dict[str, list[SpanRecord]]
    lines: list[dict[str, Any]]
    jobs: dict[str, str]
    submissions: dict[str, Submission]

    def trace(self, name: str) -> list[SpanRecord]:
        """Return the spans of one submission's trace, oldest first."""
        return self.traces[self.jobs[name][:32]]

    def stages(self, name: str) -> list[str]:
        """Return who worked in it, in their order; the register goes at its own pace."""
        return [
            str(span.says(SpanAttribute.STAGE))
            for span in self.trace(name)
            if span.operation not in PARTS and span.says(SpanAttribute.STAGE) != Stage.REGISTER
        ]


def _forget(data: Path) -> str:
    """Leave an upload in the inbox, as an entrance that was killed does, and sweep it up."""
    with opened(data) as house:
        key = house.keyring.tenant_key(DEFAULT_TENANT, TenantPurpose.IDS)
        job_id = keyed_id(key, "job", "forgotten")
        text = b"Dear Sir,\n\nplease find our terms below.\n\nYours, the forgotten sender\n"
        house.vault.store_for_tenant(
            names.inbox(DEFAULT_TENANT, job_id), DEFAULT_TENANT, pack("forgotten.txt", text)
        )
        sweeper = Sweeper(
            register=house.register,
            publisher=house.publisher,
            objects=house.objects,
            vault=house.vault,
            keyring=house.keyring,
            deadlines=house.topology.deadline,
            clock=FakeClock(house.clock.now() + timedelta(days=1)),
            tracing=house.tracing,
        )
        assert sweeper.sweep().uploads == (job_id,)
    return job_id


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, few: list[Example]) -> Told:
    """Run examples; sweep an upload up, replay what is in quarantine, erase a document."""
    base = tmp_path_factory.mktemp("traces")
    folder, data = base / "in", base / "data"
    save_examples(folder, [example for example in few if example.name in CHOSEN])
    (folder / "twin.pdf").write_bytes((folder / "invoice-de-label-left.pdf").read_bytes())
    ran = docledger(data, "run", folder, "--workers", "1", "--format", "json")
    assert ran.code == 0, ran.stderr
    jobs = {Path(line["source"]).name: line["job_id"] for line in ran.lines}
    jobs["forgotten.txt"] = _forget(data)
    for command in (
        ("quarantine", "replay", folder / "corrupt.pdf", "--workers", "1"),
        ("erase", folder / "contract.pdf", "--yes"),
    ):
        ended = docledger(data, *command)
        assert ended.code == 0, ended.stderr
    traces = defaultdict(list)
    for span in read_spans(data / "spans"):
        traces[span.trace_id].append(span)
    with opened(data) as house:
        submissions = {one.job_id: one for one in house.register.submissions()}
    lines = [
        json.loads(line)
        for path in (data / "logs").iterdir()
        for line in path.read_bytes().splitlines()
    ]
    return Told(dict(traces), lines, jobs, submissions)


def test_every_trace_has_one_root_and_no_orphan(told: Told) -> None:
    """A trace whose parts hang in the air cannot be followed from the upload to the ledger."""
    assert told.traces
    for spans in told.traces.values():
        ids = {span.span_id for span in spans}
        assert len([span for span in spans if not span.parent_id]) == 1
        assert [span.name for span in spans if span.parent_id not in {"", *ids}] == []


def test_every_submission_that_a_person_made_has_a_trace_of_its_own(told: Told) -> None:
    """Attachments came with their e-mail and share its trace; nothing else is traced."""
    made = {one.job_id[:32] for one in told.submissions.values() if one.parent is None}
    assert set(told.traces) == made
    carried = {told.jobs[name] for name in told.jobs if "#" in name}
    assert len(carried) == 3
    for job_id in carried:
        assert job_id in {
            span.says(SpanAttribute.JOB_ID) for span in told.trace("mail-with-attachments.eml")
        }


def test_a_document_leaves_a_hop_at_every_stage(told: Told) -> None:
    """From the upload to the ledger, in this order, each a child of the root."""
    name = "invoice-de-label-left.pdf"
    if told.submissions[told.jobs[name]].status is SubmissionStatus.DUPLICATE:
        name = "twin.pdf"  # its bytes were there first
    assert told.stages(name) == WAY
    root, *others = told.trace(name)
    for span in others:
        assert (span.parent_id == root.span_id) is (span.operation not in PARTS)
    followed = {span.name for span in others if span.says(SpanAttribute.STAGE) == Stage.REGISTER}
    assert followed == {
        "process register.document-received",
        "process register.document-read",
        "process register.document-summarized",
        "process register.entry-posted",
    }
    sent = {
        span.name.removeprefix("send docledger.") for span in others if span.operation == "send"
    }
    assert sent == {"document.received.v1", "document.read.v1", "document.summarized.v1"}


def test_each_attachment_goes_its_way_in_the_trace_of_its_email(told: Told) -> None:
    """One root for the e-mail and what it carried."""
    stages = told.stages("mail-with-attachments.eml")
    assert Counter(stages) == Counter(["entrance", "ingest", *WAY[1:] * 3])


def test_a_duplicate_and_a_refused_file_end_at_ingest(told: Told) -> None:
    """Their traces are short, and whole."""
    (twin,) = [
        name
        for name in ("twin.pdf", "invoice-de-label-left.pdf")
        if told.submissions[told.jobs[name]].status is SubmissionStatus.DUPLICATE
    ]
    for name in (twin, "empty.pdf"):
        assert told.stages(name) == ["entrance", "ingest"]


def test_a_replay_goes_on_in_its_trace_and_names_what_gave_up(told: Told) -> None:
    """Whoever sees the replay finds what it replays."""
    assert told.stages("corrupt.pdf") == ["entrance", "ingest", "cli", "ingest"]
    first, again = [
        span for span in told.trace("corrupt.pdf") if span.name == "process ingest.upload-arrived"
    ]
    (replay,) = [span for span in told.trace("corrupt.pdf") if span.operation == "replay"]
    gave_up = LinkedSpan(first.trace_id, first.span_id, "gave_up")
    assert (replay.links, again.links) == ((gave_up,), (gave_up,))
    assert first.failed
    assert first.says(SpanAttribute.REASON) == "unreadable"
    assert again.says(SpanAttribute.REPLAY) == 1


def test_what_is_swept_up_gets_the_root_that_its_entrance_did_not_tell(told: Told) -> None:
    """Killed between storing and announcing, the entrance told nobody of anything."""
    stages = told.stages("forgotten.txt")
    assert sorted(stages[:2]) == ["sweeper", "sweeper"]
    assert stages[2:] == WAY[1:]
    assert told.trace("forgotten.txt")[0].operation == "submit"


def test_an_erasure_ends_the_trace(told: Told) -> None:
    """The ledger and the register hear of it as of everything else."""
    assert told.stages("contract.pdf")[:7] == [*WAY, "eraser"]
    assert {"process ledger.document-erased", "process register.document-erased"} <= {
        span.name for span in told.trace("contract.pdf")
    }


def test_every_line_about_a_document_is_joined_to_a_span_of_its_trace(told: Told) -> None:
    """From a line to its trace, and from a span to its lines."""
    spans = {(s.trace_id, s.span_id): s for spans in told.traces.values() for s in spans}
    about = [line for line in told.lines if {"job_id", "document_id"} & set(line)]
    for line in about:
        assert spans[line["trace"], line["span"]].says(SpanAttribute.STAGE) == line["stage"]
    spoken = {line["stage"] for line in about}
    assert spoken == {"ingest", "ocr", "summarize", "ledger", "register", "sequencer"}
