"""Small marks that are drawn in a figure or right beside it: a point, a comma, a minus, a digit.

They change what a person reads, and no text layer tells of them. A page is looked at as it is
drawn without its text, around one figure: what stands there alone, no taller than a digit, is such
a mark. Borders, underlines, fills and pictures are larger or reach farther.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

Grey = npt.NDArray[np.uint8]
Pixels = tuple[int, int, int, int]
"""Left, top, right, bottom."""

TALLEST: Final = 0.85  # of a figure's height, in which a digit takes 0.6 to 0.8
WIDEST: Final = 0.7  # likewise: a minus takes 0.5
NEAR: Final = 0.25  # likewise: what a point or digit is away from the figure that it belongs to
FAR: Final = 0.6  # likewise, for what lies: a minus stands apart
FLAT: Final = 2.0  # width / height from which a mark lies
EDGE: Final = 0.08  # of the height, above and below: borders of a cell touch there
FOOT: Final = 0.84  # of the height, from above: what lies below that underlines a digit
TURNED: Final = 1.5  # height / width from which a figure may run up or down the page
MOST_PIXELS: Final = 20_000  # around one figure that are looked at one by one


def has_speck(grey: Grey, where: tuple[slice, slice], contrast: int) -> bool:
    """Tell whether a small mark stands in or beside a figure.

    Args:
        grey: the page as it is drawn without its text.
        where: rows and columns of the figure.
        contrast: of 255, from which a person sees a mark.
    """
    rows, columns = where
    figure = columns.start, rows.start, columns.stop, rows.stop
    if _stands(grey, figure, contrast):
        return True
    if rows.stop - rows.start <= TURNED * (columns.stop - columns.start):
        return False
    turned = rows.start, columns.start, rows.stop, columns.stop
    return _stands(grey.T, turned, contrast)


def _stands(grey: Grey, figure: Pixels, contrast: int) -> bool:
    """Tell the same of a figure that runs from left to right."""
    left, top, right, bottom = figure
    height = bottom - top
    edge = round(EDGE * height)
    around = max(1, round(FAR * height))
    inner = grey[top + edge : bottom - edge, max(0, left - around) : right + around]
    if inner.size == 0 or int(inner.max()) - int(inner.min()) < contrast:
        return False
    # What reaches out of this place is larger than any speck.
    reach = max(2, round((FAR + WIDEST) * height))
    over = max(2, height // 2)
    x, y = max(0, left - reach), max(0, top - over)
    place = grey[y : bottom + over, x : right + reach].astype(np.int16)
    paper = int(np.bincount(place.ravel()).argmax())
    marked = np.abs(place - paper) >= contrast
    across, along = marked.all(axis=0), marked.all(axis=1)
    if not marked[~along][:, ~across].any():
        return False  # straight lines only, which is what there is most of
    if np.count_nonzero(marked) > MOST_PIXELS:
        return True  # too much to tell
    high, wide = marked.shape
    for one in _pieces(marked):
        if one[0] == 0 or one[1] == 0 or one[2] == wide or one[3] == high:
            continue
        shifted = one[0] + x, one[1] + y, one[2] + x, one[3] + y
        if _belongs(shifted, figure):
            return True
    return False


def _belongs(mark: Pixels, figure: Pixels) -> bool:
    """Tell whether a mark is as small, and as near to a figure, as a part of it would be."""
    left, top, right, bottom = figure
    height = bottom - top
    wide, high = mark[2] - mark[0], mark[3] - mark[1]
    if wide > WIDEST * height or high > TALLEST * height:
        return False
    middle = (mark[1] + mark[3]) / 2 - top
    if not EDGE * height < middle < (1 - EDGE) * height:
        return False
    lies = wide >= FLAT * high
    if lies and middle > FOOT * height:
        return False
    gap = max(left - mark[2], mark[0] - right)
    return gap <= (FAR if lies else NEAR) * height


def _pieces(marked: npt.NDArray[np.bool_]) -> Iterator[Pixels]:
    """Yield the box of each group of marked pixels that touch each other."""
    rows, columns = marked.nonzero()
    left = set(zip(columns.tolist(), rows.tolist(), strict=True))
    while left:
        x, y = left.pop()
        open_ = [(x, y)]
        x0 = x1 = x
        y0 = y1 = y
        while open_:
            x, y = open_.pop()
            x0, x1, y0, y1 = min(x0, x), max(x1, x), min(y0, y), max(y1, y)
            for near in (
                (x - 1, y - 1),
                (x, y - 1),
                (x + 1, y - 1),
                (x - 1, y),
                (x + 1, y),
                (x - 1, y + 1),
                (x, y + 1),
                (x + 1, y + 1),
            ):
                if near in left:
                    left.remove(near)
                    open_.append(near)
        yield x0, y0, x1 + 1, y1 + 1
