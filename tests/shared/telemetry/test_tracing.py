"""One trace per document, by traceparents alone; a span holds registered attributes only."""

import hashlib
import multiprocessing
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import opentelemetry.trace
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from shared.events.ids import origin_of
from shared.telemetry import recording
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.span_files import LinkedSpan, SpanFiles, SpanRecord, read_spans
from shared.telemetry.spans import ATTRIBUTE_KINDS, SPANS, Link, SpanAttribute, SpanName
from shared.telemetry.tracing import NullTracing, Tracing

DOCUMENT = "d" * 40
OTHER = "e" * 40
JOB = "f" * 40
CANARY = "canary Ada Lovelace"


class Broken(SpanExporter):
    """Fails as no exporter should."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Fail."""
        raise RuntimeError(len(spans))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where spans are written."""
    return tmp_path / "spans"


@pytest.fixture
def tracing(folder: Path) -> Iterator[Tracing]:
    """Tracing into files."""
    tracing = Tracing(SpanFiles(folder), "ocr")
    yield tracing
    tracing.close()


def only(folder: Path) -> SpanRecord:
    """Return the one span that was written."""
    (record,) = read_spans(folder)
    return record


def test_a_span_is_written_with_what_it_was_about(folder: Path, tracing: Tracing) -> None:
    """Everything ``docledger trace`` shows."""
    origin = tracing.origin(JOB)
    given_ = {
        SpanAttribute.STAGE: "ocr",
        SpanAttribute.ATTEMPT: 2,
        SpanAttribute.DOCUMENT_ID: DOCUMENT,
        SpanAttribute.JOB_ID: JOB,
        SpanAttribute.SUBSCRIPTION: "ocr.document-received.dead",
    }
    with tracing.span(SpanName.PROCESS, parent=origin, attributes=given_) as span:
        span.set(SpanAttribute.OUTCOME, "done")
    record = only(folder)
    assert record.trace_id == origin[3:35] == span.trace_id
    assert record.parent_id == origin[36:52]
    assert record.span_id == span.span_id
    assert (record.name, record.operation) == ("process ocr.document-received.dead", "process")
    assert (record.kind, record.service, record.failed) == ("consumer", "ocr", False)
    assert record.attributes == {key.value: value for key, value in given_.items()} | {
        "docledger.outcome": "done",
        "messaging.system": "docledger_sqlite",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
    }
    assert record.says(SpanAttribute.OUTCOME) == "done"
    assert record.seconds >= 0
    assert record.start.tzinfo is not None


def test_a_root_is_the_span_that_the_origin_names(folder: Path, tracing: Tracing) -> None:
    """Every other span names it as its parent; without it each of them would be an orphan."""
    origin = tracing.origin(JOB)
    with tracing.root(SpanName.SUBMIT, traceparent=origin) as root:
        assert root.traceparent == origin
    with tracing.span(SpanName.PROCESS, parent=origin):
        pass
    first, second = read_spans(folder)
    assert (first.trace_id, first.span_id, first.parent_id) == (origin[3:35], origin[36:52], "")
    assert (first.name, first.kind) == ("submit docledger.upload.arrived.v1", "producer")
    assert second.parent_id == first.span_id


@pytest.mark.parametrize("failures", [(True, False), (False, True), (False, False)])
def test_a_root_that_is_told_again_is_one_span(
    folder: Path, tracing: Tracing, failures: tuple[bool, bool]
) -> None:
    """Whoever redoes a submission tells its root again; the one that did it is shown."""
    origin = tracing.origin(JOB)
    for failed in failures:
        with tracing.root(SpanName.SUBMIT, traceparent=origin) as root:
            if failed:
                root.fail(TimeoutError())
    assert len(next(folder.iterdir()).read_text().splitlines()) == 2
    assert not only(folder).failed


def test_parts_of_a_work_are_told_with_it(folder: Path, tracing: Tracing) -> None:
    """Its process may die before: then there is no part without its whole."""
    topic = "docledger.document.read.v1"
    about = {SpanAttribute.DOCUMENT_ID: DOCUMENT, SpanAttribute.STAGE: "ocr"}
    with tracing.span(SpanName.PROCESS, parent=tracing.origin(JOB), attributes=about) as whole:
        with whole.child(SpanName.SEND, {SpanAttribute.TOPIC: topic}) as part:
            assert part.trace_id == whole.trace_id
            assert not opentelemetry.trace.get_current_span().is_recording()
        assert read_spans(folder) == []
    sent = next(span for span in read_spans(folder) if span.operation == "send")
    assert (sent.name, sent.parent_id, sent.kind) == (f"send {topic}", whole.span_id, "producer")
    assert sent.says(SpanAttribute.DOCUMENT_ID) == DOCUMENT
    assert sent.says(SpanAttribute.STAGE) == "ocr"


@pytest.mark.parametrize(
    ("worth_s", "failure", "told"), [(60, None, 1), (60, "unreadable", 2), (0, None, 2)]
)
def test_a_part_that_took_no_time_is_not_worth_a_span(
    folder: Path, worth_s: float, failure: str | None, told: int
) -> None:
    """A handler of microseconds tells nobody anything, and its span would cost as much as it."""
    tracing = Tracing(SpanFiles(folder), "ocr", worth_s=worth_s)
    with (
        tracing.span(SpanName.PROCESS, parent=tracing.origin(JOB)) as whole,
        whole.child(SpanName.HANDLE) as part,
    ):
        if failure:
            part.fail(failure)
    assert len(read_spans(folder)) == told
    tracing.close()


def test_a_span_names_others_by_links(folder: Path, tracing: Tracing) -> None:
    """A retry names the attempt before it, a replay the attempt that gave up."""
    origin = tracing.origin(JOB)
    with tracing.span(SpanName.PROCESS, parent=origin) as first:
        pass
    with tracing.span(SpanName.PROCESS, parent=origin) as second:
        second.link(first.traceparent, Link.ATTEMPT_BEFORE)
        second.link("junk", Link.GAVE_UP)
        second.link(second.traceparent, Link.GAVE_UP)
    (linked,) = [span for span in read_spans(folder) if span.links]
    assert linked.links == (LinkedSpan(first.trace_id, first.span_id, "attempt_before"),)


def test_an_exception_fails_the_span_and_leaves_only_its_type(
    folder: Path, tracing: Tracing
) -> None:
    """The library records messages of exceptions by default, and messages quote documents."""
    with (
        pytest.raises(ValueError, match="canary"),
        tracing.span(SpanName.HANDLE, parent=tracing.origin(JOB)),
    ):
        raise ValueError(CANARY)
    record = only(folder)
    assert record.failed
    assert record.attributes == {"error.type": "ValueError"}
    assert CANARY not in "".join(path.read_text() for path in folder.iterdir())


def test_a_failure_may_be_told_by_its_reason(folder: Path, tracing: Tracing) -> None:
    """A quarantine is no exception at the edge, yet the work failed."""
    with tracing.span(SpanName.PROCESS, parent=tracing.origin(JOB)) as span:
        span.fail(QuarantineReason.ENCRYPTED)
    record = only(folder)
    assert (record.failed, record.says(SpanAttribute.REASON)) == (True, "encrypted")
    assert record.says(SpanAttribute.ERROR) == "encrypted"


@pytest.mark.parametrize(
    "value", [CANARY, [CANARY], {CANARY: 1}, CANARY.encode(), float("nan"), None, object()]
)
def test_no_canary_gets_into_a_span(folder: Path, tracing: Tracing, value: object) -> None:
    """The attack: content at every attribute, at the start and later, and as a failure's code."""
    everything = dict.fromkeys(ATTRIBUTE_KINDS, value)
    with tracing.span(SpanName.PROCESS, parent=CANARY, attributes=everything) as span:
        for attribute in SpanAttribute:
            span.set(attribute, value)
        span.fail(CANARY)
        span.link(CANARY, Link.GAVE_UP)
        with span.child(SpanName.SEND, everything) as part:
            part.fail(CANARY)
    for record in read_spans(folder):
        assert set(record.attributes) <= {
            SpanAttribute.SYSTEM.value,
            SpanAttribute.OPERATION.value,
            SpanAttribute.OPERATION_TYPE.value,
        }
        assert not record.links
    assert CANARY not in "".join(path.read_text() for path in folder.iterdir())


def test_every_attribute_has_a_kind() -> None:
    """One without would fail the first span that sets it."""
    assert set(ATTRIBUTE_KINDS) == set(SpanAttribute)
    assert set(SPANS) == set(SpanName)


@pytest.mark.parametrize(
    "parent",
    ["", "junk", f"00-{'0' * 32}-{'1' * 16}-01", f"00-{'1' * 32}-{'0' * 16}-01",
     f"ff-{'1' * 32}-{'1' * 16}-01", f"00-{'G' * 32}-{'1' * 16}-01"],
)  # fmt: skip
def test_a_malformed_parent_starts_a_new_trace(folder: Path, tracing: Tracing, parent: str) -> None:
    """As W3C Trace Context says; a partner's header must not stop a document."""
    with tracing.span(SpanName.PROCESS, parent=parent):
        pass
    assert only(folder).parent_id == ""
    assert only(folder).trace_id != "1" * 32


def test_later_versions_of_the_header_are_understood(folder: Path, tracing: Tracing) -> None:
    """They keep the first four parts."""
    with tracing.span(SpanName.PROCESS, parent=f"01-{'1' * 32}-{'2' * 16}-03-more"):
        pass
    assert only(folder).trace_id == "1" * 32


def test_sampling_is_decided_at_the_origin(folder: Path) -> None:
    """All stages keep a trace, or none does; who announces a job again decides the same."""
    never = Tracing(SpanFiles(folder), "ocr", sample=0.0)
    origin = never.origin(JOB)
    assert origin.endswith("-00")
    always = Tracing(SpanFiles(folder), "ledger")
    with always.root(SpanName.SUBMIT, traceparent=origin):
        pass
    with always.span(SpanName.PROCESS, parent=origin) as span, span.child(SpanName.SEND) as part:
        span.set(SpanAttribute.STAGE, "ledger")
        span.link(origin, Link.GAVE_UP)
        assert part.traceparent.endswith("-00")
        assert span.trace_id == origin[3:35]
    assert read_spans(folder) == []
    assert always.origin(JOB).endswith("-01")


def test_a_share_of_the_submissions_is_sampled(folder: Path) -> None:
    """By the job's id, which nobody chooses: the share holds, and a job keeps its decision."""
    some = Tracing(SpanFiles(folder), "ocr", sample=0.25)
    jobs = [
        hashlib.sha256(bytes([number % 256, number // 256])).hexdigest()[:40]
        for number in range(2000)
    ]
    kept = [job for job in jobs if some.origin(job).endswith("-01")]
    assert 400 < len(kept) < 600
    assert [job for job in jobs if some.origin(job).endswith("-01")] == kept


def test_ids_of_spans_never_repeat(folder: Path, tracing: Tracing) -> None:
    """Tests seed ``random`` and forks copy its state; ids must not come from there."""
    for _ in range(300):
        random.seed(1)
        with tracing.span(SpanName.PROCESS, parent=""):
            pass
    found = read_spans(folder)
    assert len({span.span_id for span in found}) == len({span.trace_id for span in found}) == 300


def test_an_exporter_that_breaks_stops_nobody() -> None:
    """Telemetry never fails a job."""
    tracing = Tracing(Broken(), "ocr")
    write_about(tracing, DOCUMENT, tracing.origin(JOB))
    assert tracing.lost == 1


def test_nothing_global_is_touched(tracing: Tracing) -> None:
    """A library that traces by the global provider must not write into our files."""
    library = opentelemetry.trace.get_tracer("library")
    with (
        tracing.span(SpanName.PROCESS, parent=tracing.origin(JOB)),
        library.start_as_current_span("theirs") as theirs,
    ):
        assert not theirs.is_recording()


def test_the_null_tracing_passes_parents_on() -> None:
    """The simulation follows traceparents through events without paying for spans."""
    tracing = NullTracing()
    origin = tracing.origin(JOB)
    with (
        tracing.root(SpanName.SUBMIT, traceparent=origin) as root,
        tracing.span(SpanName.PROCESS, parent=root.traceparent) as span,
        span.child(SpanName.SEND) as part,
    ):
        span.set(SpanAttribute.STAGE, "ocr")
        span.fail("encrypted")
        span.link(origin, Link.GAVE_UP)
        assert part.traceparent == origin == origin_of(JOB)
        assert (span.trace_id, span.span_id) == (origin[3:35], origin[36:52])
    assert tracing.flush(1.0)
    tracing.close()


def write_about(tracing: Tracing, document: str, origin: str) -> None:
    """Write one span about a document."""
    attributes = {SpanAttribute.DOCUMENT_ID: document}
    with tracing.span(SpanName.PROCESS, parent=origin, attributes=attributes):
        pass


def test_a_documents_spans_come_with_their_submission(folder: Path, tracing: Tracing) -> None:
    """Asked for one document of an e-mail: its spans and the shared ones, not its sibling's."""
    origin = tracing.origin(JOB)
    with tracing.root(SpanName.SUBMIT, traceparent=origin, attributes={SpanAttribute.JOB_ID: JOB}):
        pass
    write_about(tracing, DOCUMENT, origin)
    write_about(tracing, OTHER, origin)
    write_about(tracing, OTHER, tracing.origin(OTHER))
    found = read_spans(folder, document_id=DOCUMENT)
    assert [span.operation for span in found] == ["submit", "process"]
    assert len(read_spans(folder, trace_id=origin[3:35])) == 3
    assert len(read_spans(folder, document_id=OTHER)) == 3
    assert len(read_spans(folder, document_id=OTHER, trace_id=origin[3:35])) == 2
    assert read_spans(folder, document_id=JOB) == []
    assert len(read_spans(folder)) == 4


@given(cut=st.integers(1, 150), junk=st.binary(max_size=20))
def test_a_torn_last_line_is_skipped_and_costs_no_other(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    """A process died while writing; a later one got its id, and its spans are all there."""
    folder = tmp_path_factory.mktemp("spans")
    first = Tracing(SpanFiles(folder), "ocr")
    write_about(first, DOCUMENT, first.origin(JOB))
    write_about(first, OTHER, first.origin(JOB))
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-cut] + junk.replace(b"\n", b""))
    assert [span.says(SpanAttribute.DOCUMENT_ID) for span in read_spans(folder)] == [DOCUMENT]
    second = Tracing(SpanFiles(folder), "ocr")
    write_about(second, JOB, second.origin(JOB))
    found = [span.says(SpanAttribute.DOCUMENT_ID) for span in read_spans(folder)]
    assert [about for about in found if about != OTHER] == [DOCUMENT, JOB]
    first.close()
    second.close()


@pytest.mark.parametrize("line", ["[]", "null", '{"trace_id":1}', "{}", "\xff"])
def test_foreign_lines_are_skipped(folder: Path, line: str) -> None:
    """A reader that crashes on one line shows nobody anything."""
    folder.mkdir()
    (folder / "1.ndjson").write_text(line + "\n", encoding="latin-1")
    assert read_spans(folder) == []


def test_an_absent_folder_has_no_spans(folder: Path) -> None:
    """``docledger trace`` before the first run."""
    assert read_spans(folder) == []


def test_spans_that_cannot_be_written_stop_nobody(folder: Path) -> None:
    """A full disk costs telemetry, never a document."""
    folder.write_text("in the way")
    files = SpanFiles(folder)
    tracing = Tracing(files, "ocr")
    write_about(tracing, DOCUMENT, tracing.origin(JOB))
    assert files.lost == 1
    folder.unlink()
    write_about(tracing, DOCUMENT, tracing.origin(JOB))
    assert len(read_spans(folder)) == 1
    tracing.close()


def _in_child(tracing: Tracing, origin: str) -> None:
    write_about(tracing, OTHER, origin)


def test_a_forked_child_writes_its_own_file(folder: Path, tracing: Tracing) -> None:
    """Two processes appending through one descriptor would mix when a line is torn."""
    origin = tracing.origin(JOB)
    write_about(tracing, DOCUMENT, origin)
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(tracing, origin))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert len(list(folder.iterdir())) == 2
    assert len(read_spans(folder, trace_id=origin[3:35])) == 2


def test_span_files_are_for_their_owner_alone(folder: Path, tracing: Tracing) -> None:
    """Which documents somebody has, and when, is nobody else's business."""
    write_about(tracing, DOCUMENT, tracing.origin(JOB))
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)


def test_a_fork_tells_other_ids() -> None:
    """Two processes with the same span ids would be one work that nobody did."""
    recording._new_span()  # ids lie ready
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, recording._new_span().to_bytes(8, "big"))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = int.from_bytes(os.read(reading, 8), "big")
    os.close(reading)
    os.close(writing)
    ours = {recording._new_span() for _ in range(2_000)}
    assert len(ours) == 2_000
    assert theirs not in ours
