"""A log line says what is registered, and nothing else gets into it."""

import enum
import io
import json
import sys
from datetime import datetime

import pytest

from shared.errors import TransientError
from shared.logging import SilentLog, StageLog, get_logger
from shared.logging.fields import FIELD_KINDS, LogField
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric
from shared.telemetry.reasons import QuarantineReason
from shared.telemetry.registry import MemoryMetrics

CANARY = "canary Ada Lovelace 12 Byron Street"
DOCUMENT = "a" * 40
PARENT = f"00-{'c' * 32}-{'b' * 16}-01"
CLOUD = {
    "time",
    "logging.googleapis.com/trace",
    "logging.googleapis.com/spanId",
    "logging.googleapis.com/trace_sampled",
}


@pytest.fixture
def lines() -> list[str]:
    """What was written."""
    return []


@pytest.fixture
def log(lines: list[str]) -> StageLog:
    """A log whose lines can be read."""
    return get_logger("ocr", sink=lines.append)


def test_a_line_is_one_json_object_in_a_fixed_order(log: StageLog, lines: list[str]) -> None:
    """Machines parse it and eyes find the same thing at the same place."""
    log.info(
        LogEvent.DELIVERY_SETTLED,
        attempt=2,
        span="b" * 16,
        trace="c" * 32,
        document_id=DOCUMENT,
        job_id=DOCUMENT,
        duration_ms=1.25,
        code="done",
    )
    line = json.loads(lines[0])
    assert list(line) == [
        *("ts", "severity", "op", "code", "duration_ms", "stage", "job_id", "document_id"),
        *("trace", "span", "attempt"),
    ]
    assert (line["severity"], line["op"], line["stage"]) == ("INFO", "delivery.settled", "ocr")
    assert datetime.fromisoformat(line["ts"]).utcoffset() is not None
    assert line["ts"].endswith("Z")


def test_a_traceparent_joins_a_line_to_its_span(log: StageLog, lines: list[str]) -> None:
    """One argument at the caller, two fields to search by."""
    log.info(LogEvent.DELIVERY_SETTLED, traceparent=PARENT)
    line = json.loads(lines[0])
    assert (line["trace"], line["span"]) == ("c" * 32, "b" * 16)
    assert not CLOUD & set(line)
    log.info(LogEvent.DELIVERY_SETTLED, traceparent=f"{PARENT} {CANARY}")
    assert json.loads(lines[1])["dropped"] == 1


@pytest.mark.parametrize("flag", ["01", "00"])
def test_with_a_project_a_line_has_cloud_loggings_shape(lines: list[str], flag: str) -> None:
    """The log explorer shows a trace's lines beside its spans by exactly these names."""
    log = get_logger("ocr", sink=lines.append, project="acme-documents")
    log.info(LogEvent.DELIVERY_SETTLED, traceparent=PARENT[:-2] + flag, code="done")
    line = json.loads(lines[0])
    assert line["severity"] == "INFO"
    assert line["time"] == line["ts"]
    assert line["logging.googleapis.com/trace"] == f"projects/acme-documents/traces/{'c' * 32}"
    assert line["logging.googleapis.com/spanId"] == "b" * 16
    assert line["logging.googleapis.com/trace_sampled"] is (flag == "01")


def test_with_a_project_a_line_without_a_trace_names_none(lines: list[str]) -> None:
    """A worker that starts belongs to no document."""
    log = get_logger("ocr", sink=lines.append, project="acme-documents")
    log.info(LogEvent.WORKER_STARTED, unregistered=CANARY)
    assert set(json.loads(lines[0])) == {"ts", "severity", "op", "stage", "time", "dropped"}


def test_severities_follow_the_methods(log: StageLog, lines: list[str]) -> None:
    """Alerts go by severity."""
    log.info(LogEvent.WORKER_STARTED)
    log.warning(LogEvent.WORKER_DIED)
    log.error(LogEvent.UNHANDLED_ERROR)
    assert [json.loads(line)["severity"] for line in lines] == ["INFO", "WARNING", "ERROR"]


class Sneaky(str):
    """A string that is not quite one."""

    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        CANARY,
        CANARY.encode(),
        [CANARY],
        {CANARY: CANARY},
        (CANARY,),
        Sneaky(CANARY),
        Exception(CANARY),
        type(CANARY.replace(" ", "_"), (Exception,), {})(),
        Exception,
        float("nan"),
        float("inf"),
        2**80,
        object(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_canary_gets_out_through_any_field(
    log: StageLog, lines: list[str], value: object
) -> None:
    """The attack: content at every position where a caller could put it by mistake."""
    for name in sorted({*LogField, "traceparent", "unregistered", "event", "fields", CANARY}):
        log.info(LogEvent.DELIVERY_SETTLED, **{name: value})
        line = json.loads(lines[-1])
        if name != "text":  # the one field for free text; its masks have tests of their own
            assert "anary" not in lines[-1]
            assert "Lovelace" not in lines[-1]
        assert set(line) <= set(LogField)
        assert line["severity"] == "INFO"
        assert line["stage"] == "ocr"


def test_every_field_is_registered_or_made_by_the_logger() -> None:
    """A field without a kind would be dropped from every line."""
    made = {"ts", "severity", "op", "stage", "error_at", "cause", "dropped", *CLOUD}
    assert {*FIELD_KINDS, *made} == set(LogField)


def test_values_of_the_wrong_kind_are_dropped_and_counted(lines: list[str]) -> None:
    """A drop is seen: in the line, and as a figure."""
    metrics = MemoryMetrics()
    log = get_logger("ocr", sink=lines.append, metrics=metrics)
    log.info(
        LogEvent.DELIVERY_SETTLED, job_id="job-1", attempt="2", code="no such", pages=True, size=3
    )
    line = json.loads(lines[0])
    assert line["dropped"] == 4
    assert line["size"] == 3
    assert metrics.value(Metric.LOG_DROPPED, stage="ocr") == 4


def test_none_says_nothing_and_counts_for_nothing(log: StageLog, lines: list[str]) -> None:
    """Callers pass what they have; an absent id is no mistake."""
    log.info(LogEvent.DELIVERY_SETTLED, document_id=None)
    assert set(json.loads(lines[0])) == {"ts", "severity", "op", "stage"}


def test_codes_are_members_of_closed_sets(log: StageLog, lines: list[str]) -> None:
    """A registered string, or a member of any closed set; no other string."""

    class Local(enum.StrEnum):
        MADE = "made"

    for code in (QuarantineReason.ENCRYPTED, "encrypted", Local.MADE):
        log.info(LogEvent.DELIVERY_SETTLED, code=code)
    log.info(LogEvent.DELIVERY_SETTLED, code="made")
    assert [json.loads(line).get("code") for line in lines] == [
        "encrypted",
        "encrypted",
        "made",
        None,
    ]


def test_an_event_outside_the_closed_set_is_not_shown(log: StageLog, lines: list[str]) -> None:
    """Content as the event is the classic leak."""
    log.info(CANARY)  # type: ignore[arg-type]  # the attack
    assert json.loads(lines[0])["op"] == "unregistered"
    assert "Lovelace" not in lines[0]


def test_an_exception_is_its_type_and_place(log: StageLog, lines: list[str]) -> None:
    """Messages of exceptions quote what failed to parse: documents."""
    with pytest.raises(TransientError) as caught:
        raise TransientError(CANARY) from OSError(CANARY)
    log.error(LogEvent.DELIVERY_FAILED, error=caught.value)
    line = json.loads(lines[0])
    assert line["error"] == "TransientError"
    assert line["cause"] == "OSError"
    assert line["error_at"].rpartition(":")[2].isdigit()
    assert "Lovelace" not in lines[0]


def test_the_place_is_in_our_code_where_any_of_it_is(log: StageLog, lines: list[str]) -> None:
    """A line in a library says little; the line of ours that called it says which case it was."""
    with pytest.raises(ValueError, match="Stage") as caught:
        get_logger(CANARY)
    log.error(LogEvent.UNHANDLED_ERROR, error=caught.value)
    assert json.loads(lines[0])["error_at"].startswith("shared.logging.stage_log:")


def test_code_made_at_run_time_has_no_name(log: StageLog, lines: list[str]) -> None:
    """A template engine may compile content under a module name that is content."""
    with pytest.raises(ZeroDivisionError) as caught:
        exec("1 / 0", {"__name__": "canary"})
    log.error(LogEvent.UNHANDLED_ERROR, error=caught.value)
    assert json.loads(lines[0])["error_at"] == "?:1"


def test_free_text_is_masked(log: StageLog, lines: list[str]) -> None:
    """The only field that can hold any goes through the masks."""
    log.warning(LogEvent.LIBRARY_MESSAGE, text="mail ada@example.com\nand DE89370400440532013000")
    assert json.loads(lines[0])["text"] == r"mail [email]\nand [iban]"


def test_a_line_is_a_line_whatever_is_in_it(log: StageLog, lines: list[str]) -> None:
    """Forged lines start with a newline."""
    log.warning(LogEvent.LIBRARY_MESSAGE, text='x\n{"severity":"INFO"}\r\u2028\ud800')
    assert lines[0].isascii()
    assert len(lines[0].splitlines()) == 1


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Stdout belongs to results."""
    get_logger("cli").info(LogEvent.WORKER_STARTED)
    out, err = capsys.readouterr()
    assert out == ""
    assert json.loads(err)["op"] == "worker.started"


def test_a_closed_stderr_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker outlives the terminal that started it."""
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    get_logger("cli").info(LogEvent.WORKER_STARTED)


def test_an_unknown_stage_is_refused() -> None:
    """Whose line it is comes from a closed set, too."""
    with pytest.raises(ValueError, match="not a valid Stage"):
        get_logger("acme")


@pytest.mark.parametrize("method", ["info", "warning", "error"])
def test_the_silent_log_says_nothing(method: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A million simulated deliveries must not write a million lines."""
    getattr(SilentLog(), method)(LogEvent.WORKER_STARTED, error=ValueError(CANARY))
    assert capsys.readouterr() == ("", "")
