"""What the doctor says: one line a check, and what the lines come to."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any, Final

NOTHING: Final = "nothing"

_LONGEST: Final = 300


class Status(StrEnum):
    """What became of one check."""

    OK = "ok"  # it is as it should be
    ACCEPTED = "accepted"  # it is more than infra/ says, and somebody said that it may be
    DIFFERS = "differs"  # it is not as it should be
    UNKNOWN = "unknown"  # it could not be looked at


class Code(IntEnum):
    """Exit codes, for gates."""

    AS_IT_SHOULD_BE = 0
    DIFFERS = 1
    MISTAKE = 2
    NOT_SEEN = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One check.

    Attributes:
        status: what became of it.
        resource: that was read, as ``infra/iam.yaml`` names it.
        check: what was looked at.
        expected: what must be there.
        found: what is there; configuration alone, never content.
    """

    status: Status
    resource: str
    check: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        """What ``--accept`` names it by."""
        return f"{self.resource} {self.found}"


def compared(resource: str, check: str, expected: str, found: str, *, same: bool) -> Line:
    """Return the line of a check that could be made."""
    return Line(Status.OK if same else Status.DIFFERS, resource, check, expected, found)


def told(value: Any) -> str:  # noqa: ANN401 - whatever an API answers
    """Return a value of an answer as a person reads it, bounded."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(map(told, value))[:_LONGEST]
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True)[:_LONGEST]
    return str(value)[:_LONGEST]


def code_of(lines: Iterable[Line]) -> Code:
    """Return the exit code: what could not be looked at is never success, nor a mere difference."""
    seen = {line.status for line in lines}
    if Status.UNKNOWN in seen or not seen:
        return Code.NOT_SEEN
    return Code.DIFFERS if Status.DIFFERS in seen else Code.AS_IT_SHOULD_BE
