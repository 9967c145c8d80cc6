"""What a log field, span attribute or metric label may hold: typed values, never content.

A value that is not of its kind is dropped, not repaired: half a name is still a name.
"""

import math
import re
import sys
from collections.abc import Callable
from enum import StrEnum
from itertools import chain
from typing import Final

from shared.errors import Verdict
from shared.events.payloads import DocumentType, EntryKind, EventType, MediaType
from shared.telemetry.metrics import Paid, Unit
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason
from shared.telemetry.refusals import Refusal
from shared.telemetry.stages import Stage

Scalar = str | int | float
"""What goes out."""

CODES: Final[frozenset[str]] = frozenset(
    member.value
    for member in chain[StrEnum](
        DeliveryOutcome,
        DocumentType,
        EntryKind,
        EventType,
        HeldReason,
        MediaType,
        Paid,
        QuarantineReason,
        RefusedReason,
        Refusal,
        Stage,
        Unit,
        Verdict,
    )
)
"""Every registered code. A member of any other StrEnum is a code as well: it is from a closed set
by construction; a plain string is one only if it is in here."""

_ID: Final = re.compile(r"[0-9a-f]{40}\Z")
_TRACE: Final = re.compile(r"[0-9a-f]{32}\Z")
_SPAN: Final = re.compile(r"[0-9a-f]{16}\Z")
_SUBSCRIPTION: Final = re.compile(r"[a-z]{2,16}\.[a-z]{2,16}(?:-[a-z]{2,16}){0,3}(?:\.dead)?\Z")
_FOREIGN_TOPIC: Final = re.compile(r"docledger(?:\.[a-z]{2,16}){1,3}\Z")
_LINK: Final = r"[a-z]{1,16}(?:_[a-z]{1,16}){0,3}:[0-9a-f]{32}-[0-9a-f]{16}"
_LINKS: Final = re.compile(rf"{_LINK}(?:,{_LINK}){{0,15}}\Z")
_TOPICS: Final = frozenset(member.value for member in EventType)
_MOST: Final = 2**63


class Kind(StrEnum):
    """The kinds of value."""

    ID = "id"  # a keyed id: 40 lower-case hex characters
    TRACE = "trace"  # a W3C trace id: 32 lower-case hex characters
    SPAN = "span"  # a W3C parent id: 16 lower-case hex characters
    CODE = "code"  # a member of a closed set
    SUBSCRIPTION = "subscription"  # as infra/topology.yaml names it
    TOPIC = "topic"  # likewise: an event type, or where a subscription's dead letters go
    LINKS = "links"  # other spans, each with what it is to this one
    INTEGER = "integer"  # a count, an index, a size in bytes
    NUMBER = "number"  # finite
    MODULE = "module"  # a loaded top-level package
    ERROR = "error"  # an exception: shown as its type (and, in logs, where it was raised)
    FAILURE = "failure"  # an exception's type, or a code
    TEXT = "text"  # free text, masked and capped; logs have one such field


def _text_of(pattern: re.Pattern[str]) -> Callable[[object], str | None]:
    def check(value: object) -> str | None:
        return value if type(value) is str and pattern.match(value) else None

    return check


def _code(value: object) -> str | None:
    if type(value) is str:
        return value if value in CODES else None
    return str(value.value) if isinstance(value, StrEnum) else None


def _integer(value: object) -> int | None:
    return value if type(value) is int and -_MOST <= value < _MOST else None


def _number(value: object) -> float | None:
    if type(value) is float:
        return value if math.isfinite(value) else None
    return _integer(value)


def _module(value: object) -> str | None:
    top = value.partition(".")[0] if type(value) is str else ""
    return top if top in sys.modules else None


def _error(value: object) -> str | None:
    if not isinstance(value, BaseException):
        return None
    return type_name(value)


def _failure(value: object) -> str | None:
    return _error(value) or _code(value)


def _topic(value: object) -> str | None:
    if type(value) is str:
        ours = value in _TOPICS or _FOREIGN_TOPIC.match(value) or _SUBSCRIPTION.match(value)
        return value if ours else None
    return value.value if isinstance(value, EventType) else None


def type_name(error: BaseException) -> str:
    """Return the name of the error's type: of its first class that stands in a loaded module.

    A name made at run time is data, and data is not shown.
    """
    known = (
        kind.__name__
        for kind in type(error).__mro__
        if getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
    )
    return next(known, BaseException.__name__)


CHECKS: Final[dict[Kind, Callable[[object], Scalar | None]]] = {
    Kind.ID: _text_of(_ID),
    Kind.TRACE: _text_of(_TRACE),
    Kind.SPAN: _text_of(_SPAN),
    Kind.CODE: _code,
    Kind.SUBSCRIPTION: _text_of(_SUBSCRIPTION),
    Kind.TOPIC: _topic,
    Kind.LINKS: _text_of(_LINKS),
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.MODULE: _module,
    Kind.ERROR: _error,
    Kind.FAILURE: _failure,
}
"""For each kind, a function that returns the value to show, or None where it is not of the kind.
Free text has no check here; ``shared.logging`` masks it."""
