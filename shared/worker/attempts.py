"""Whether the work in hand was begun before and never ended: what is paid for it is paid again.

A handler knows nothing of leases; who meters what a paid service costs asks here.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, TypeVar

_repeated: Final[ContextVar[bool]] = ContextVar("docledger_work_repeated", default=False)

_T = TypeVar("_T")
_E = TypeVar("_E")


def begun(handle: Callable[[_E], _T], event: _E, *, starts: int) -> _T:
    """Handle an event.

    Args:
        handle: the worker's.
        event: what it is handed.
        starts: of this work without an outcome, this one included.
    """
    token = _repeated.set(starts > 1)
    try:
        return handle(event)
    finally:
        _repeated.reset(token)


def is_repeated() -> bool:
    """Tell whether an earlier attempt at the work in hand died: a crash between call and result."""
    return _repeated.get()
