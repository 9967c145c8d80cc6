"""Frames of an image file as a file of their own; only a TIFF has several."""

import io
from collections.abc import Iterator

from PIL import Image as Pillow

from services.ocr.adapters.images import MOST_PIXELS, dpi_of, frames, opened
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason


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
            if number > 1:
                picture.seek(number - 1)
        except Exception as err:  # a decoder raises anything at all on foreign bytes
            raise PermanentError(QuarantineReason.PAGES_MISSING) from err
        if picture.width * picture.height > MOST_PIXELS:
            raise PermanentError(QuarantineReason.TOO_MANY_PIXELS)
        yield picture


def _size(picture: Pillow.Image) -> list[float]:
    dpi = dpi_of(picture)
    return [picture.width / dpi * 72, picture.height / dpi * 72]


def _saved(picture: Pillow.Image, first: int, last: int) -> bytes:
    file = io.BytesIO()
    try:
        kept = [one.copy() for one in _shown(picture, first, last)]
        kept[0].save(
            file, "TIFF", save_all=True, append_images=kept[1:], compression="tiff_deflate"
        )
    except PermanentError:
        raise
    except Exception as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    return file.getvalue()
