"""Log lines that cannot leak: JSON on stderr, built from registered fields alone.

What the registry of fields admits is copied into a new dict; whatever a caller passes besides
never gets near the encoder, and is counted.
"""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import TracebackType
from typing import Final, Protocol

from shared.logging.fields import FIELD_KINDS, LogField
from shared.logging.masks import mask
from shared.telemetry.log_events import LogEvent
from shared.telemetry.metrics import Metric, Metrics, NullMetrics
from shared.telemetry.stages import Stage
from shared.telemetry.values import CHECKS, type_name

Sink = Callable[[str], None]
"""Takes one finished line, without its newline."""

_OURS: Final = ("shared.", "services.", "deploy.")
_ADMISSION: Final = {name: CHECKS[kind] for name, kind in FIELD_KINDS.items() if kind in CHECKS}
_ENCODE: Final = json.JSONEncoder(separators=(",", ":")).encode
_LEADING: Final = ("code", "duration_ms", "stage", "job_id", "document_id", "trace", "span")
_TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})\Z")
_CLOUD_TRACE: Final = LogField.CLOUD_TRACE.value
_CLOUD_SPAN: Final = LogField.CLOUD_SPAN.value
_CLOUD_SAMPLED: Final = LogField.CLOUD_SAMPLED.value


class StageLog(Protocol):
    """Where a worker tells what it does. No method ever raises.

    Fields are those of ``LogField``; ``traceparent`` gives trace and span at once.
    """

    def info(self, op: LogEvent, /, **fields: object) -> None:
        """Say that something happened as it should."""
        ...

    def warning(self, op: LogEvent, /, **fields: object) -> None:
        """Say that something needs watching."""
        ...

    def error(self, op: LogEvent, /, **fields: object) -> None:
        """Say that somebody should look; pass the exception itself as ``error``."""
        ...


class SilentLog:
    """Says nothing; for the simulation."""

    def info(self, op: LogEvent, /, **fields: object) -> None:
        """Ignore it."""

    def warning(self, op: LogEvent, /, **fields: object) -> None:
        """Ignore it."""

    def error(self, op: LogEvent, /, **fields: object) -> None:
        """Ignore it."""


def get_logger(
    stage: str,
    *,
    sink: Sink | None = None,
    metrics: Metrics | None = None,
    project: str | None = None,
) -> StageLog:
    """Return the log of one stage.

    Args:
        stage: a ``Stage``.
        sink: takes lines instead of stderr.
        metrics: counts the fields that were kept out.
        project: of Google Cloud; lines then carry what Cloud Logging joins to traces by.

    Raises:
        ValueError: there is no such stage.
    """
    return _JsonLog(Stage(stage), sink or _to_stderr, metrics or NullMetrics(), project)


class _JsonLog:
    """Admits registered fields of the right kind, drops the rest, and writes one line."""

    def __init__(self, stage: Stage, sink: Sink, metrics: Metrics, project: str | None) -> None:
        self._stage = stage.value
        self._sink = sink
        self._metrics = metrics
        self._traces = f"projects/{project}/traces/" if project else None

    def info(self, op: LogEvent, /, **fields: object) -> None:
        self._tell("INFO", op, fields)

    def warning(self, op: LogEvent, /, **fields: object) -> None:
        self._tell("WARNING", op, fields)

    def error(self, op: LogEvent, /, **fields: object) -> None:
        self._tell("ERROR", op, fields)

    def _tell(self, severity: str, op: object, fields: Mapping[str, object]) -> None:
        admitted, dropped = _admitted(fields)
        admitted["stage"] = self._stage
        now = _now()
        line: dict[str, object] = {
            "ts": now,
            "severity": severity,
            "op": op.value if type(op) is LogEvent else LogEvent.UNREGISTERED.value,
        }
        for name in _LEADING:
            if name in admitted:
                line[name] = admitted.pop(name)
        line.update(admitted)
        if "error" in line:
            _locate(line, fields["error"])
        if dropped:
            line["dropped"] = dropped
            self._metrics.count(Metric.LOG_DROPPED, dropped, stage=self._stage)
        if self._traces is not None:
            self._join(line, now, fields.get("traceparent"))
        self._sink(_ENCODE(line))

    def _join(self, line: dict[str, object], now: str, traceparent: object) -> None:
        """Say what Cloud Logging looks for: the time, and what joins the line to its trace."""
        line["time"] = now
        if "trace" in line:
            line[_CLOUD_TRACE] = f"{self._traces}{line['trace']}"
        if "span" in line:
            line[_CLOUD_SPAN] = line["span"]
        ids = _ids(traceparent)
        if ids is not None:
            line[_CLOUD_SAMPLED] = bool(int(ids[3], 16) & 1)


def _admitted(fields: Mapping[str, object]) -> tuple[dict[str, object], int]:
    """Return what the registry admits, and how many fields it does not."""
    admitted: dict[str, object] = {}
    dropped = 0
    for name, value in fields.items():
        check = _ADMISSION.get(name)
        shown = check(value) if check is not None else None
        if shown is not None:
            admitted[name] = shown
        elif name == "traceparent" and (ids := _ids(value)):
            admitted["trace"], admitted["span"] = ids[1], ids[2]
        elif name == "text" and isinstance(value, str):
            admitted[name] = mask(value)
        elif value is not None:
            dropped += 1
    return admitted, dropped


def _ids(traceparent: object) -> re.Match[str] | None:
    return _TRACEPARENT.match(traceparent) if type(traceparent) is str else None


@lru_cache(maxsize=2)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _now() -> str:
    """Return the time in UTC with milliseconds, RFC 3339."""
    seconds, rest = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{rest // 1_000_000:03d}Z"


def _locate(line: dict[str, object], error: object) -> None:
    """Add where an exception was raised (in our code, if any of it is ours) and what caused it."""
    assert isinstance(error, BaseException)
    place = _place(error.__traceback__)
    if place:
        line["error_at"] = place
    if error.__cause__ is not None:
        line["cause"] = type_name(error.__cause__)


def _place(trace: TracebackType | None) -> str:
    """Return module and line of the innermost frame of ours, else of the innermost."""
    last = ours = ""
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__")
        # A module name that is not loaded may be data: code made at run time.
        last = f"{module if module in sys.modules else '?'}:{trace.tb_lineno}"
        if last.startswith(_OURS):
            ours = last
        trace = trace.tb_next
    return ours or last


def _to_stderr(line: str) -> None:
    try:
        sys.stderr.write(line + "\n")
    except (OSError, ValueError):
        return  # stderr is closed or full; a worker works on
