"""Which files a build may see: ``.dockerignore``, in the forms that ours is written in.

Source: Docker's documentation of ``.dockerignore``: the last line that matches decides; a line that
matches a folder matches all in it; ``**/`` stands for any folders, ``*`` for anything but a slash.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath


def read_ignored(text: str) -> Callable[[PurePosixPath], bool]:
    """Return what tells whether a path, relative to the context, is left out."""
    rules: list[tuple[re.Pattern[str], bool]] = []
    for raw in text.splitlines():
        line = raw.strip()
        if line and not line.startswith("#"):
            rules.append((_pattern(line.removeprefix("!").rstrip("/")), not line.startswith("!")))

    def ignored(path: PurePosixPath) -> bool:
        out = False
        places = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
        for pattern, leaves_out in rules:
            if any(pattern.fullmatch(place) for place in places):
                out = leaves_out
        return out

    return ignored


def _pattern(line: str) -> re.Pattern[str]:
    text = re.escape(line).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.compile(text)
