"""Which files a person meant."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from shared.errors import UserError


def expand(paths: Iterable[Path], *, leave_out: Path | None = None) -> Iterator[Path]:
    """Yield every file that ``paths`` name: files as they are, folders with all below, sorted.

    Files and folders whose names begin with a dot are passed over inside folders. Links to folders
    are not followed. A folder that cannot be opened is yielded itself, so that it is accounted for.
    What is named twice is yielded once.

    Args:
        paths: files and folders.
        leave_out: a folder that is passed over: our own data folder is no place for documents.

    Raises:
        UserError: a path does not exist.
    """
    named = list(paths)
    for path in named:
        if not os.path.lexists(path):
            raise UserError(f"{printable(path)}: no such file or folder; check the path")
    shunned = os.path.realpath(leave_out) if leave_out else None
    seen: set[str] = set()
    for path in named:
        for found in _below(path, shunned) if path.is_dir() else (path,):
            place = os.path.abspath(found)  # noqa: PTH100 - resolve() would follow links
            if place not in seen:
                seen.add(place)
                yield found


def _below(folder: Path, shunned: str | None) -> Iterator[Path]:
    if os.path.realpath(folder) == shunned:
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name, shunned)
        else:
            yield folder / entry.name


def printable(text: object) -> str:
    """Return text that is safe in a terminal and on one line: foreign names may hold anything."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in str(text)
    )
