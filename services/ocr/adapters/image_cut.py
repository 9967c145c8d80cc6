"""Frames of an image file as a file of their own; only a TIFF has several."""

import io
from collections.abc import Iterator, Mapping
from typing import Any, Final

from PIL import Image as Pillow
from PIL.TiffImagePlugin import AppendingTiffWriter

from services.ocr.adapters.images import MOST_PIXELS, dpi_of, frames, opened
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason

_LOSSLESS: Final[Mapping[str, Any]] = {"compression": "tiff_deflate"}
_PHOTO: Final[Mapping[str, Any]] = {"compression": "jpeg", "quality": 90}
_FAX: Final[Mapping[str, Any]] = {"compression": "group4"}
_PACKED: Final[Mapping[tuple[str | None, str], Mapping[str, Any]]] = {
    **{("jpeg", mode): _PHOTO for mode in ("L", "RGB", "CMYK")},
    **{(fax, "1"): _FAX for fax in ("group3", "group4")},
}
"""How frames are packed, by how they came: without loss, a colour scan is ten times as large, and
more than a request may have."""


def cut(
    content: bytes, media_type: MediaType, first: int, last: int, *, look: bool
) -> tuple[dict[str, object], bytes]:
    """Return what ``cut_task.cut_pages`` tells, and the file with these frames.

    Raises:
        PermanentError: ``pages_missing``, ``too_many_pixels`` or ``unreadable``.
    """
    with opened(content, media_type) as picture:
        if last > frames(picture):
            raise PermanentError(QuarantineReason.PAGES_MISSING)
        whole = (first, last) == (1, frames(picture))
        sizes = [_size(one) for one in _shown(picture, first, last)]
        file = b"" if whole or look else _saved(picture, first, last)
    return {"whole": whole, "sizes": sizes, "einvoice": None}, file


def _shown(picture: Pillow.Image, first: int, last: int) -> Iterator[Pillow.Image]:
    """Yield an open image at each of its frames."""
    for number in range(first, last + 1):
        try:
            picture.seek(number - 1)  # the first, too: whoever looked before left it at the last
        except Exception as err:  # a decoder raises anything at all on foreign bytes
            raise PermanentError(QuarantineReason.PAGES_MISSING) from err
        if picture.width * picture.height > MOST_PIXELS:
            raise PermanentError(QuarantineReason.TOO_MANY_PIXELS)
        yield picture


def _size(picture: Pillow.Image) -> list[float]:
    dpi = dpi_of(picture)
    return [picture.width / dpi * 72, picture.height / dpi * 72]


def _saved(picture: Pillow.Image, first: int, last: int) -> bytes:
    """Return the frames as a file, written one by one: all of them decoded would be gigabytes."""
    file = io.BytesIO()
    try:
        with AppendingTiffWriter(file) as written:
            for one in _shown(picture, first, last):
                dpi = dpi_of(one)
                frame = one.copy()
                packed = _PACKED.get((one.info.get("compression"), frame.mode), _LOSSLESS)
                frame.save(written, "TIFF", dpi=(dpi, dpi), **packed)
                written.newFrame()
    except PermanentError:
        raise
    except Exception as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    return file.getvalue()
