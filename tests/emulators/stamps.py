"""Texts that a page's pixels say without anybody reading: the server here has no eyes.

A stamp is a row of black and white squares: a mark, how many bytes follow, then a text's bytes.
"""

from typing import Final

import numpy as np
from PIL import Image

_MARK: Final = b"\xa5\x5a"
_SIDE: Final = 8
_LEFT, _TOP = 40, 40
_MIDDLE: Final = 128


def stamp(page: Image.Image, text: str) -> None:
    """Draw a text on a page in shades of grey.

    Args:
        page: to be drawn on.
        text: ASCII, at most 255 characters, and no more than fit: 64 pixels each.
    """
    said = _MARK + bytes([len(text)]) + text.encode("ascii")
    bits = np.unpackbits(np.frombuffer(said, dtype=np.uint8))
    squares = np.where(bits, 0, 255).astype(np.uint8)
    page.paste(Image.fromarray(np.kron(squares, np.ones((_SIDE, _SIDE), np.uint8))), (_LEFT, _TOP))


def stamped(page: Image.Image) -> str | None:
    """Return what a page's stamp says, None where it has none."""
    line = page.crop((_LEFT, _TOP, page.width, _TOP + _SIDE)).convert("L")
    if page.height < _TOP + _SIDE or line.width < _SIDE:
        return None
    middles = np.asarray(line)[_SIDE // 2, _SIDE // 2 :: _SIDE]
    said = np.packbits(middles < _MIDDLE).tobytes()
    if not said.startswith(_MARK) or len(said) <= len(_MARK):
        return None
    begins = len(_MARK) + 1
    return said[begins : begins + said[len(_MARK)]].decode("ascii")
