"""One trace per document, by traceparents alone; a span holds registered attributes only."""

import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path

import opentelemetry.trace
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.span_files import SpanFiles, SpanRecord, read_spans
from shared.telemetry.spans import ATTRIBUTE_KINDS, SpanAttribute, SpanName
from shared.telemetry.tracing import NullTracing, Tracing

DOCUMENT = "d" * 40
OTHER = "e" * 40
JOB = "f" * 40
CANARY = "canary Ada Lovelace"


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
    origin = tracing.origin()
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
    assert (record.name, record.service, record.failed) == ("process", "ocr", False)
    assert record.attributes == {key.value: value for key, value in given_.items()} | {
        "outcome": "done"
    }
    assert record.seconds >= 0
    assert record.start.tzinfo is not None


def test_children_name_their_parent_by_its_traceparent(folder: Path, tracing: Tracing) -> None:
    """Across processes, queues and threads there is no current span to rely on."""
    with (
        tracing.span(SpanName.PROCESS, parent=tracing.origin()) as outer,
        tracing.span(SpanName.HANDLE, parent=outer.traceparent),
    ):
        assert not opentelemetry.trace.get_current_span().is_recording()
    inner = next(span for span in read_spans(folder) if span.name == "handle")
    assert inner.parent_id == outer.span_id
    assert inner.trace_id == outer.trace_id


def test_an_exception_fails_the_span_and_leaves_only_its_type(
    folder: Path, tracing: Tracing
) -> None:
    """The library records messages of exceptions by default, and messages quote documents."""
    with (
        pytest.raises(ValueError, match="canary"),
        tracing.span(SpanName.HANDLE, parent=tracing.origin()),
    ):
        raise ValueError(CANARY)
    record = only(folder)
    assert record.failed
    assert record.attributes == {"error": "ValueError"}
    assert CANARY not in "".join(path.read_text() for path in folder.iterdir())


def test_a_failure_may_be_told_by_its_reason(folder: Path, tracing: Tracing) -> None:
    """A quarantine is no exception at the edge, yet the work failed."""
    with tracing.span(SpanName.PROCESS, parent=tracing.origin()) as span:
        span.fail(QuarantineReason.ENCRYPTED)
    assert (only(folder).failed, only(folder).attributes) == (True, {"reason": "encrypted"})


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
    assert only(folder).attributes == {}


def test_every_attribute_has_a_kind() -> None:
    """One without would fail the first span that sets it."""
    assert set(ATTRIBUTE_KINDS) == set(SpanAttribute)


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
    """All stages keep a trace, or none does."""
    never = Tracing(SpanFiles(folder), "ocr", sample=0.0)
    origin = never.origin()
    assert origin.endswith("-00")
    always = Tracing(SpanFiles(folder), "ledger")
    with always.span(SpanName.PROCESS, parent=origin) as span:
        span.set(SpanAttribute.STAGE, "ledger")
        assert span.traceparent.endswith("-00")
        assert span.trace_id == origin[3:35]
    assert read_spans(folder) == []
    assert always.origin().endswith("-01")


def test_origins_are_valid_and_never_repeat(tracing: Tracing) -> None:
    """Tests seed ``random`` and forks copy its state; ids must not come from there."""
    origins = {tracing.origin() for _ in range(500)}
    assert len(origins) == 500
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", origin) for origin in origins)


def test_nothing_global_is_touched(tracing: Tracing) -> None:
    """A library that traces by the global provider must not write into our files."""
    library = opentelemetry.trace.get_tracer("library")
    with (
        tracing.span(SpanName.PROCESS, parent=tracing.origin()),
        library.start_as_current_span("theirs") as theirs,
    ):
        assert not theirs.is_recording()


def test_the_null_tracing_passes_parents_on() -> None:
    """The simulation follows traceparents through events without paying for spans."""
    tracing = NullTracing()
    first, second = tracing.origin(), tracing.origin()
    assert first != second
    with tracing.span(SpanName.PROCESS, parent=first) as span:
        span.set(SpanAttribute.STAGE, "ocr")
        span.fail("encrypted")
        assert span.traceparent == first
        assert f"00-{span.trace_id}-{span.span_id}-00" == first
    tracing.close()


def write_about(tracing: Tracing, document: str, origin: str) -> None:
    """Write one span about a document."""
    attributes = {SpanAttribute.DOCUMENT_ID: document}
    with tracing.span(SpanName.PROCESS, parent=origin, attributes=attributes):
        pass


def test_a_documents_spans_come_with_their_submission(folder: Path, tracing: Tracing) -> None:
    """Asked for one document of an e-mail: its spans and the shared ones, not its sibling's."""
    origin = tracing.origin()
    with tracing.span(SpanName.SUBMIT, parent=origin, attributes={SpanAttribute.JOB_ID: JOB}):
        pass
    write_about(tracing, DOCUMENT, origin)
    write_about(tracing, OTHER, origin)
    write_about(tracing, OTHER, tracing.origin())
    found = read_spans(folder, document_id=DOCUMENT)
    assert [span.name for span in found] == ["submit", "process"]
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
    write_about(first, DOCUMENT, first.origin())
    write_about(first, OTHER, first.origin())
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:-cut] + junk.replace(b"\n", b""))
    assert [span.attributes["document_id"] for span in read_spans(folder)] == [DOCUMENT]
    second = Tracing(SpanFiles(folder), "ocr")
    write_about(second, JOB, second.origin())
    found = [span.attributes["document_id"] for span in read_spans(folder)]
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
    write_about(tracing, DOCUMENT, tracing.origin())
    assert files.lost == 1
    folder.unlink()
    write_about(tracing, DOCUMENT, tracing.origin())
    assert len(read_spans(folder)) == 1
    tracing.close()


def _in_child(tracing: Tracing, origin: str) -> None:
    write_about(tracing, OTHER, origin)


def test_a_forked_child_writes_its_own_file(folder: Path, tracing: Tracing) -> None:
    """Two processes appending through one descriptor would mix when a line is torn."""
    origin = tracing.origin()
    write_about(tracing, DOCUMENT, origin)
    child = multiprocessing.get_context("fork").Process(target=_in_child, args=(tracing, origin))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert len(list(folder.iterdir())) == 2
    assert len(read_spans(folder, trace_id=origin[3:35])) == 2


def test_span_files_are_for_their_owner_alone(folder: Path, tracing: Tracing) -> None:
    """Which documents somebody has, and when, is nobody else's business."""
    write_about(tracing, DOCUMENT, tracing.origin())
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
