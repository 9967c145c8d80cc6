"""Which files a person meant."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from shared.errors import UserError


def expand(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield every file that ``paths`` name: files as they are, folders with all below, sorted.

    Files and folders whose names begin with a dot are passed over inside folders. Links to folders
    are not followed. A folder that cannot be opened is yielded itself, so that it is accounted for.

    Raises:
        UserError: a path does not exist.
    """
    for path in paths:
        if not os.path.lexists(path):
            raise UserError(f"{printable(path)}: no such file or folder; check the path")
        if path.is_dir():
            yield from _below(path)
        else:
            yield path


def _below(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        yield folder
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _below(folder / entry.name)
        else:
            yield folder / entry.name


def printable(text: object) -> str:
    """Return text that is safe in a terminal and on one line: foreign names may hold anything."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "surrogatepass").decode()
        for char in str(text)
    )
