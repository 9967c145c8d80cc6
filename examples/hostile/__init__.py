"""Files that attack whoever reads them. They are made when needed and never committed."""

from pathlib import Path

from examples.generate import save_examples
from examples.hostile.mails import hostile_mails
from examples.hostile.markup import hostile_markup
from examples.hostile.names import hostile_names
from examples.hostile.outcomes import hostile, refused
from examples.hostile.pdfs import hostile_pdfs
from examples.hostile.pictures import hostile_pictures
from examples.truth import Example
from shared.telemetry.reasons import RefusedReason


def hostile_examples() -> list[Example]:
    """Return the hostile set: about 5 MB, made in a second, the same every time."""
    empty = hostile("zero-bytes.xml", b"", "no bytes", *refused(RefusedReason.EMPTY))
    return [
        *hostile_pdfs(),
        *hostile_pictures(),
        *hostile_markup(),
        *hostile_mails(),
        *hostile_names(),
        empty,
    ]


def write_hostile(folder: Path) -> list[Example]:
    """Write the hostile set and its truth into ``folder``; return it.

    The file system must take any bytes but ``/`` and NUL in a name (Linux does).
    """
    return save_examples(folder, hostile_examples())
