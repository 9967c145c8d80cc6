"""Which words of a text layer a person sees: those that leave ink on the page as it is drawn.

A layer also holds what is white on white, covered, clipped, or without opacity, and whoever forges
a document writes there. So the page is drawn once, small and grey, and a word counts whose place
holds some contrast. Light type must also differ from what lies behind it, else a hidden word would
borrow the ink of a visible one that stands in the same place.
"""

import math
from typing import Final

import numpy as np
import pypdfium2

from shared.events.results import Box

SCALE: Final = 1.5  # pixels a point: 108 dpi, 2 ms a page
LONGEST: Final = 1_800  # pixels: a page may claim to be metres wide
LEAST_CONTRAST: Final = 24  # of 255: less is white on white to a person


class Ink:
    """One page as it is drawn.

    Args:
        page: open.
        size: width and height of the page as shown, in points.
    """

    def __init__(self, page: pypdfium2.PdfPage, size: tuple[float, float]) -> None:
        self._scale = min(SCALE, LONGEST / max(*size, 1.0))
        bitmap = page.render(scale=self._scale, grayscale=True, draw_annots=False)
        self._grey = np.array(bitmap.to_numpy()).reshape(bitmap.height, bitmap.width)
        bitmap.close()
        self._asked = self._seen = 0

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
        place = self._grey[top : max(0, bottom), left : max(0, right)]
        if place.size == 0:
            return True  # outside the page: whoever makes words of it drops it
        if int(place.max()) - int(place.min()) < LEAST_CONTRAST:
            return False
        return light is None or abs(light - float(np.median(place))) >= LEAST_CONTRAST
