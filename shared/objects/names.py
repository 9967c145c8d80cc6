"""What an object may be called, the same in every embedded store."""

import re
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z0-9._=-]+(/[A-Za-z0-9._=-]+)*")
_PREFIX: Final = re.compile(r"([A-Za-z0-9._=-]+/)*[A-Za-z0-9._=-]*")
_MOST_CHARACTERS: Final = 512
_MOST_IN_A_SEGMENT: Final = 255  # of a file name on every file system in use


def checked_name(name: str) -> str:
    """Return ``name``.

    Raises:
        ValueError: it is absolute, climbs, is too long, or has a character that we never use.
    """
    if not _NAME.fullmatch(name) or len(name) > _MOST_CHARACTERS or not _segments_are_fine(name):
        raise ValueError("an object's name is slash-separated segments of [A-Za-z0-9._=-]")
    return name


def checked_prefix(prefix: str) -> str:
    """Return ``prefix``; it may be empty or end within a segment.

    Raises:
        ValueError: no name can begin with it.
    """
    if not _PREFIX.fullmatch(prefix) or {".", ".."} & set(prefix.split("/")[:-1]):
        raise ValueError("a prefix is what an object's name can begin with")
    return prefix


def folders_of(name: str) -> list[str]:
    """Return the folders that ``name`` lies in, outermost first."""
    segments = name.split("/")
    return ["/".join(segments[:depth]) for depth in range(1, len(segments))]


def _segments_are_fine(name: str) -> bool:
    if "." not in name and len(name) <= _MOST_IN_A_SEGMENT:
        return True  # as nearly every name of ours; every access to a store asks
    return all(
        segment not in {".", ".."} and len(segment) <= _MOST_IN_A_SEGMENT
        for segment in name.split("/")
    )
