"""Log lines that cannot leak: JSON on stderr, built from registered fields alone.

The processor copies what the registry of fields admits into a new dict; whatever a caller passes
besides never gets near the renderer, and is counted.
"""

import json
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Protocol

import structlog

from shared.logging.fields import FIELD_KINDS
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
_SEVERITIES: Final = {"info": "INFO", "warning": "WARNING", "error": "ERROR"}


class StageLog(Protocol):
    """Where a worker tells what it does. No method ever raises."""

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


def get_logger(stage: str, *, sink: Sink | None = None, metrics: Metrics | None = None) -> StageLog:
    """Return the log of one stage.

    Args:
        stage: a ``Stage``.
        sink: takes lines instead of stderr.
        metrics: counts the fields that were kept out.

    Raises:
        ValueError: there is no such stage.
    """
    known = Stage(stage)
    return _JsonLog(
        _Lines(sink or _to_stderr),
        processors=[_Admit(known, metrics or NullMetrics()), _render],
        context={},
    )


class _JsonLog(structlog.BoundLoggerBase):
    """A structlog logger with our three methods."""

    def info(self, op: LogEvent, /, **fields: object) -> None:
        self._proxy_to_logger("info", op, fields=fields)

    def warning(self, op: LogEvent, /, **fields: object) -> None:
        self._proxy_to_logger("warning", op, fields=fields)

    def error(self, op: LogEvent, /, **fields: object) -> None:
        self._proxy_to_logger("error", op, fields=fields)


class _Lines:
    """What structlog writes to."""

    def __init__(self, sink: Sink) -> None:
        self.info = self.warning = self.error = sink


class _Admit:
    """The processor that admits registered fields of the right kind, and drops the rest."""

    def __init__(self, stage: Stage, metrics: Metrics) -> None:
        self._stage = stage.value
        self._metrics = metrics

    def __call__(
        self, _logger: object, method: str, given: MutableMapping[str, Any]
    ) -> dict[str, object]:
        op, fields = given["event"], given["fields"]
        admitted: dict[str, object] = {}
        dropped = 0
        for name, value in fields.items():
            check = _ADMISSION.get(name)
            shown = check(value) if check is not None else None
            if shown is not None:
                admitted[name] = shown
            elif name == "text" and isinstance(value, str):
                admitted[name] = mask(value)
            elif value is not None:
                dropped += 1
        line: dict[str, object] = {
            "ts": datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "severity": _SEVERITIES[method],
            "op": op.value if type(op) is LogEvent else LogEvent.UNREGISTERED.value,
        }
        admitted["stage"] = self._stage
        for name in _LEADING:
            if name in admitted:
                line[name] = admitted.pop(name)
        line.update(admitted)
        if "error" in line:
            _locate(line, fields["error"])
        if dropped:
            line["dropped"] = dropped
            self._metrics.count(Metric.LOG_DROPPED, dropped, stage=self._stage)
        return line


def _render(_logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
    return _ENCODE(line)


def _locate(line: dict[str, object], error: BaseException) -> None:
    """Add where an exception was raised (in our code, if any of it is ours) and what caused it."""
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
