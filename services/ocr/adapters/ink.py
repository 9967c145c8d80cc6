"""Which words of a text layer a person sees: those that leave ink on the page as it is drawn.

A layer also holds what is white on white, covered, clipped, or without opacity, and whoever forges
a document writes there. So the page is drawn, small and grey, and a word counts whose place holds
some contrast. Light type must also differ from what lies behind it, else a hidden word would borrow
the ink of a visible one that stands in the same place. And the page is drawn once more without its
text: a place that looks the same has its ink from a picture or a line, which may say anything.

Notes and form fields are no part of the layer, and may lie over it: a page that looks different
with them is not believed without being read.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
import pypdfium2

from services.ocr.adapters.text_objects import text_unseen
from shared.events.results import Box

Grey = npt.NDArray[np.uint8]

SCALE: Final = 1.5  # pixels a point: 108 dpi, 2 ms a page
LONGEST: Final = 1_800  # pixels: a page may claim to be metres wide
LEAST_CONTRAST: Final = 24  # of 255: less is white on white to a person


class Ink:
    """One page as it is drawn.

    Attributes:
        is_overlaid: whether a note or field covers a word that was asked about.
        has_notes: whether the page looks different with its notes and fields.

    Args:
        page: open.
        size: width and height of the page as shown, in points.
        noted: the page with its notes and fields, where it has some.
    """

    def __init__(
        self,
        page: pypdfium2.PdfPage,
        size: tuple[float, float],
        noted: pypdfium2.PdfPage | None = None,
    ) -> None:
        self._scale = min(SCALE, LONGEST / max(*size, 1.0))
        self._grey = self._drawn(page)
        with text_unseen(page):
            self._bare = self._drawn(page)
        self._noted = self._drawn(noted) if noted is not None else self._grey
        self._asked = self._seen = 0
        self.is_overlaid = False
        self.has_notes = bool((self._noted != self._grey).any())

    def _drawn(self, page: pypdfium2.PdfPage) -> Grey:
        bitmap = page.render(scale=self._scale, grayscale=True, draw_annots=False)
        grey = np.array(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)
        bitmap.close()
        return grey

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
        scale = self._scale
        left, top = max(0, int(box[0] * scale)), max(0, int(box[1] * scale))
        right, bottom = math.ceil(box[2] * scale), math.ceil(box[3] * scale)
        cut = slice(top, max(0, bottom)), slice(left, max(0, right))
        place = self._grey[cut]
        if place.size == 0:
            return True  # outside the page: whoever makes words of it drops it
        if int(place.max()) - int(place.min()) < LEAST_CONTRAST:
            return False
        if _difference(place, self._bare[cut]) < LEAST_CONTRAST:
            return False
        self.is_overlaid |= _difference(place, self._noted[cut]) >= LEAST_CONTRAST
        return light is None or abs(light - float(np.median(place))) >= LEAST_CONTRAST


def _difference(one: Grey, other: Grey) -> int:
    """Return by how much two places differ at most, of 255."""
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())
