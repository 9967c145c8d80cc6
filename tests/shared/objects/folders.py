"""What lies in the folder of a directory store."""

from pathlib import Path


def files_below(root: Path) -> list[str]:
    """Return every file but the locks, temporary ones included."""
    return sorted(
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and "~locks" not in path.parts
    )
