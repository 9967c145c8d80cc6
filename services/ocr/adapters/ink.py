"""Which words of a text layer a person sees: those that leave ink on the page as it is drawn.

A layer also holds what is white on white, covered, clipped, or without opacity, and whoever forges
a document writes there. So the page is drawn, small and grey, and a word counts whose place holds
some contrast. Light type must also differ from what lies behind it, else a hidden word would borrow
the ink of a visible one that stands in the same place. And where anything else is drawn, the page
is drawn once more without its text: a place that looks the same has its ink from a picture or a
line, which may say anything.

Notes and form fields are no part of the layer, and may lie over it: a page that looks different
with them is not believed without being read.
"""

import math
from collections.abc import Iterable
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pypdfium2

from services.ocr.adapters.specks import has_speck
from services.ocr.adapters.text_objects import TextObjects
from services.ocr.adapters.text_page import Frame
from shared.events.results import Box

Grey = npt.NDArray[np.uint8]

SCALE: Final = 1.5  # pixels a point: 108 dpi, 2 ms a page
LONGEST: Final = 1_800  # pixels: a page may claim to be metres wide
SMALL: Final = 40.0  # points: a larger thing is no part of a figure
BESIDE: Final = 6.0  # points around a small thing in which a figure may stand that it belongs to
LEAST_CONTRAST: Final = 24  # of 255: less is white on white to a person


class Ink:
    """One page as it is drawn.

    Attributes:
        is_overlaid: whether a note or field covers a word that was asked about.
        has_notes: whether the page looks different with its notes and fields.

    Args:
        page: open.
        text: its pieces of text.
        where: maps its places to the page as shown.
        noted: the page with its notes and fields, where it has some.
    """

    def __init__(
        self,
        page: pypdfium2.PdfPage,
        text: TextObjects,
        where: Frame,
        noted: pypdfium2.PdfPage | None = None,
    ) -> None:
        self._scale = min(SCALE, LONGEST / max(*where.size, 1.0))
        self._grey = self._drawn(page)
        self._page, self._text = page, text
        self._elsewise = self._marked(text.others(), where)
        self._beside: dict[Box, tuple[slice, slice]] = {}
        self._by_notes: Grey | None = None
        if noted is not None:
            self._by_notes = _difference(self._grey, self._drawn(noted))
        self._asked = self._seen = 0
        self.is_overlaid = False
        self.has_notes = self._by_notes is not None and bool(self._by_notes.any())

    def _drawn(self, page: pypdfium2.PdfPage) -> Grey:
        bitmap = page.render(scale=self._scale, grayscale=True, draw_annots=False)
        grey = np.array(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)
        bitmap.close()
        return grey

    def _marked(
        self, others: list[tuple[float, float, float, float]] | None, where: Frame
    ) -> npt.NDArray[np.bool_]:
        """Return where something else than text may be drawn: everywhere, if that is not known."""
        if others is None:
            return np.ones_like(self._grey, dtype=bool)
        marked = np.zeros_like(self._grey, dtype=bool)
        for one in others:
            left, top, right, bottom = where.shown(*one)
            if (size := max(right - left, bottom - top)) < SMALL:
                # It may belong to the figure that it stands beside.
                around = max(2 * size, BESIDE)
                left, top, right, bottom = (
                    left - around,
                    top - around,
                    right + around,
                    bottom + around,
                )
            marked[self._cut((left, top, right, bottom))] = True
        return marked

    @cached_property
    def _textless(self) -> Grey:
        """The page as it is drawn without its text."""
        with self._text.unseen():
            return self._drawn(self._page)

    @cached_property
    def _by_text(self) -> Grey:
        """How much each pixel changes by the page's text."""
        return _difference(self._grey, self._textless)

    def _cut(self, box: Box) -> tuple[slice, slice]:
        """Return the pixels of a place."""
        left, top = (max(0, math.floor(side * self._scale)) for side in box[:2])
        right, bottom = (max(0, math.ceil(side * self._scale)) for side in box[2:])
        return slice(top, bottom), slice(left, right)

    @property
    def is_most(self) -> bool:
        """Whether at least half of the words that were asked about are seen."""
        return self._seen * 2 >= self._asked

    def shows(self, box: Box, light: int | None) -> bool:
        """Tell whether a person sees a word.

        Args:
            box: in points on the page as shown.
            light: how light its colour is, where it is light (``Character.light``).
        """
        seen = self._leaves(box, light)
        self._asked += 1
        self._seen += seen
        return seen

    def _leaves(self, box: Box, light: int | None) -> bool:
        cut = self._cut(box)
        place = self._grey[cut]
        if place.size == 0:
            return True  # outside the page: whoever makes words of it drops it
        if int(place.max()) - int(place.min()) < LEAST_CONTRAST:
            return False
        if np.count_nonzero(self._elsewise[cut]):
            if int(self._by_text[cut].max()) < LEAST_CONTRAST:
                return False
            self._beside[box] = cut
        if self._by_notes is not None:
            self.is_overlaid |= int(self._by_notes[cut].max()) >= LEAST_CONTRAST
        return light is None or abs(light - float(np.median(place))) >= LEAST_CONTRAST

    def has_specks(self, figures: Iterable[Box]) -> bool:
        """Tell whether a small mark is drawn in or beside one of the words that were asked about.

        Args:
            figures: boxes of words with digits.
        """
        return any(
            has_speck(self._textless, self._beside[box], LEAST_CONTRAST)
            for box in figures
            if box in self._beside
        )


def _difference(one: Grey, other: Grey) -> Grey:
    """Return by how much each pixel differs, of 255."""
    difference: Grey = np.maximum(one, other) - np.minimum(one, other)
    return difference
