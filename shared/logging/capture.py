"""Everything else that speaks in a process, through the same filter.

Libraries log what they like, with documents in their messages; warnings and unhandled exceptions
print values. Here they become lines of ours: masked text, types and places.
"""

import logging
import sys
import threading
import warnings
from collections.abc import Callable
from types import TracebackType

from shared.logging.stage_log import StageLog
from shared.telemetry.log_events import LogEvent


def capture(log: StageLog, *, level: int = logging.WARNING) -> Callable[[], None]:
    """Route the standard library's logging, warnings and unhandled exceptions through ``log``.

    Handlers that libraries install are bypassed, those of libraries imported later as well.

    Args:
        log: what takes them.
        level: records below it are dropped; loggers without a level of their own take it.

    Returns:
        A function that puts everything back.
    """
    before = (
        logging.Logger.callHandlers,
        warnings.showwarning,
        sys.excepthook,
        threading.excepthook,
        sys.unraisablehook,
    )
    routes = _Routes(log, level)
    root = logging.getLogger()
    root_level = root.level
    root.setLevel(min(level, root_level))
    logging.Logger.callHandlers = routes.record  # type: ignore[method-assign,assignment]  # every record passes here
    warnings.showwarning = routes.warning
    sys.excepthook = routes.unhandled
    threading.excepthook = routes.in_thread
    sys.unraisablehook = routes.unraisable

    def restore() -> None:
        root.setLevel(root_level)
        (
            logging.Logger.callHandlers,  # type: ignore[method-assign]  # as it was
            warnings.showwarning,
            sys.excepthook,
            threading.excepthook,
            sys.unraisablehook,
        ) = before

    return restore


class _Routes:
    def __init__(self, log: StageLog, level: int) -> None:
        self._log = log
        self._level = level

    def record(self, record: logging.LogRecord) -> None:
        """Take one record of the standard library's logging."""
        if record.levelno < self._level:
            return
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's broken format string must not end a worker
            text = ""
        error = record.exc_info[1] if record.exc_info else None
        tell = self._log.info
        if record.levelno >= logging.ERROR:
            tell = self._log.error
        elif record.levelno >= logging.WARNING:
            tell = self._log.warning
        tell(LogEvent.LIBRARY_MESSAGE, library=record.name, text=text, error=error)

    def warning(self, message: Warning | str, *_where: object, **_how: object) -> None:
        """Take one warning; the file's name and its source line stay out."""
        error = message if isinstance(message, Warning) else None
        self._log.warning(LogEvent.PYTHON_WARNING, text=str(message), error=error)

    def unhandled(
        self, _kind: type[BaseException], error: BaseException, _trace: TracebackType | None
    ) -> None:
        """Take an exception that ended the process."""
        self._log.error(LogEvent.UNHANDLED_ERROR, error=error)

    def in_thread(self, args: threading.ExceptHookArgs) -> None:
        """Take an exception that ended a thread."""
        self._log.error(LogEvent.UNHANDLED_ERROR, error=args.exc_value)

    def unraisable(self, args: "sys.UnraisableHookArgs") -> None:
        """Take an exception that nobody can catch (in a destructor)."""
        self._log.error(LogEvent.UNHANDLED_ERROR, error=args.exc_value)
