"""The pieces of text of a PDF page, as pdfium draws them: put aside, or asked what they claim.

Source: pdfium's fpdf_edit.h; ISO 32000-1, 14.9.4 (replacement text).
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pypdfium2
from pypdfium2 import raw

MOST_OBJECTS: Final = 20_000
MOST_DEPTH: Final = 8  # forms within forms
REPLACED: Final = "ActualText"
WORD: Final = 3  # letters, from which it is more than a ligature
LIGATURES: Final = frozenset({"ffi", "ffl"})
MOST_MARKS: Final = 16  # around one piece of text
_PLACED: Final = {raw.FPDF_PAGEOBJ_PATH, raw.FPDF_PAGEOBJ_IMAGE, raw.FPDF_PAGEOBJ_SHADING}
_CELLS: Final = 256  # of the text that replaces another


class TextObjects:
    """The pieces of text of one page, and where it draws anything else.

    Args:
        page: open.
    """

    def __init__(self, page: pypdfium2.PdfPage) -> None:
        self._pieces = []
        self._others = []
        self._placed = True
        for one, kind in _objects(page):
            if kind == raw.FPDF_PAGEOBJ_TEXT:
                self._pieces.append(one)
            else:
                self._others.append(one)
                # What is in a form is told in the form's own space.
                self._placed = self._placed and kind in _PLACED

    def others(self) -> list[tuple[float, float, float, float]] | None:
        """Return where lines, pictures and shades are, what they stroke included.

        Left, bottom, right and top in points of the page's space; None where that is not known.
        """
        if not self._placed or len(self._pieces) + len(self._others) >= MOST_OBJECTS:
            return None
        left, bottom, right, top = (ctypes.c_float() for _ in range(4))
        found = []
        for one in self._others:
            if not raw.FPDFPageObj_GetBounds(one, left, bottom, right, top):
                return None
            found.append((left.value, bottom.value, right.value, top.value))
        return found

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Have the page drawn without its text within a block."""
        for one in self._pieces:
            raw.FPDFPageObj_SetIsActive(one, False)  # noqa: FBT003 - a C function
        try:
            yield
        finally:
            for one in self._pieces:
                raw.FPDFPageObj_SetIsActive(one, True)  # noqa: FBT003 - same

    @property
    def is_replaced(self) -> bool:
        """Whether text claims to say something else than its signs show: a number, or a word.

        pdfium's text layer believes the claim. Hyphens and ligatures are replaced by honest
        software.
        """
        return any(_matters(said) for one in self._pieces for said in _replacements(one))


def _matters(said: str) -> bool:
    letters = "".join(filter(str.isalpha, said))
    return any(map(str.isdigit, said)) or (len(letters) >= WORD and letters not in LIGATURES)


def _replacements(one: Any) -> Iterator[str]:  # noqa: ANN401 - a ctypes pointer
    """Yield what stands in for an object's own text."""
    for index in range(min(raw.FPDFPageObj_CountMarks(one), MOST_MARKS)):
        mark = raw.FPDFPageObj_GetMark(one, index)
        cells, length = (ctypes.c_ushort * _CELLS)(), ctypes.c_ulong()
        size = ctypes.sizeof(cells)
        if raw.FPDFPageObjMark_GetParamStringValue(mark, REPLACED.encode(), cells, size, length):
            # Longer than the cells, it says something whatever it is.
            told = bytes(cells)[: length.value].decode("utf-16-le", "replace")
            yield told.rstrip("\0") if length.value <= size else "long text"


def _objects(page: pypdfium2.PdfPage) -> Iterator[tuple[Any, int]]:
    """Yield each object with its type, those within forms too, at most ``MOST_OBJECTS``."""
    left = [MOST_OBJECTS]

    def walk(count: int, get: Any, depth: int) -> Iterator[tuple[Any, int]]:  # noqa: ANN401 - a C function
        for index in range(count):
            if not left[0]:
                return
            left[0] -= 1
            one = get(index)
            kind = raw.FPDFPageObj_GetType(one)
            yield one, kind
            if kind == raw.FPDF_PAGEOBJ_FORM and depth < MOST_DEPTH:
                inner = raw.FPDFFormObj_CountObjects(one)
                yield from walk(
                    inner, lambda at, form=one: raw.FPDFFormObj_GetObject(form, at), depth + 1
                )

    yield from walk(raw.FPDFPage_CountObjects(page), lambda at: raw.FPDFPage_GetObject(page, at), 0)
