"""Frames of PNG, JPEG, TIFF and WEBP files as page images, upright as their EXIF says."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from services.ocr.adapters.image_types import Image
from services.ocr.adapters.page_reader import read_image
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import Page
from shared.telemetry.reasons import QuarantineReason

MOST_PIXELS: Final = 80_000_000  # of one frame: 240 MB decoded
LONGEST: Final = 2400  # pixels kept of a photo: finer ones read no better and cost memory
FORMATS: Final = {
    MediaType.PNG: "PNG",
    MediaType.JPEG: "JPEG",
    MediaType.TIFF: "TIFF",
    MediaType.WEBP: "WEBP",
}
DEFAULT_DPI: Final = 150.0  # where the file does not say, or says nonsense
SANE_DPI: Final = (50.0, 1200.0)
EXIF_ORIENTATION: Final = 0x0112
EXIF_TURNS: Final = {3: 180, 4: 180, 5: 90, 6: 90, 7: 270, 8: 270}


@contextmanager
def opened(content: bytes, media_type: MediaType) -> Iterator[Pillow.Image]:
    """Open an image file for the duration of a block; only the decoder of its type may try.

    Raises:
        PermanentError: ``unreadable``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture = Pillow.open(io.BytesIO(content), formats=[FORMATS[media_type]])
    except Pillow.DecompressionBombError as err:
        raise PermanentError(QuarantineReason.TOO_MANY_PIXELS) from err
    except Exception as err:  # a decoder raises anything at all on foreign bytes
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    with picture:
        yield picture


def frames(picture: Pillow.Image) -> int:
    """Return how many pages an open image has; only a TIFF has several."""
    return int(getattr(picture, "n_frames", 1)) if picture.format == "TIFF" else 1


def read_frame(picture: Pillow.Image, number: int) -> Page:
    """Read frame ``number`` (from 1) of an open image.

    Raises:
        PermanentError: ``pages_missing``, ``too_many_pixels`` or ``unreadable``.
    """
    try:
        picture.seek(number - 1)
    except Exception as err:
        raise PermanentError(QuarantineReason.PAGES_MISSING) from err
    if picture.width * picture.height > MOST_PIXELS:
        raise PermanentError(QuarantineReason.TOO_MANY_PIXELS)
    dpi = dpi_of(picture)
    size = picture.size
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image, turned = _pixels(picture)
    except Exception as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    width, height = size[0] / dpi * 72, size[1] / dpi * 72
    if turned in {90, 270}:
        width, height = height, width
    return read_image(image, number=number, width=width, height=height, turned=turned)


def _pixels(picture: Pillow.Image) -> tuple[Image, int]:
    """Decode, scale down, lay on white, turn as EXIF says; return that turn, too."""
    turned = EXIF_TURNS.get(picture.getexif().get(EXIF_ORIENTATION, 1), 0)
    picture.draft("RGB", (LONGEST, LONGEST))  # JPEG: decode at a fraction of the size
    frame = picture if picture.mode in {"RGB", "L", "RGBA", "LA"} else _plain(picture)
    if max(frame.size) > LONGEST:
        frame = frame.copy() if frame is picture else frame
        frame.thumbnail((LONGEST, LONGEST), Pillow.Resampling.BOX, reducing_gap=2.0)
    if frame.mode in {"RGBA", "LA"}:
        white = Pillow.new("RGBA", frame.size, "white")
        white.alpha_composite(frame.convert("RGBA"))
        frame = white
    frame = ImageOps.exif_transpose(frame) if frame is picture else _as_exif_says(picture, frame)
    return np.ascontiguousarray(np.asarray(frame.convert("RGB"))[:, :, ::-1]), turned


def _as_exif_says(picture: Pillow.Image, frame: Pillow.Image) -> Pillow.Image:
    orientation = picture.getexif().get(EXIF_ORIENTATION, 1)
    methods = {
        2: Pillow.Transpose.FLIP_LEFT_RIGHT,
        3: Pillow.Transpose.ROTATE_180,
        4: Pillow.Transpose.FLIP_TOP_BOTTOM,
        5: Pillow.Transpose.TRANSPOSE,
        6: Pillow.Transpose.ROTATE_270,
        7: Pillow.Transpose.TRANSVERSE,
        8: Pillow.Transpose.ROTATE_90,
    }
    return frame.transpose(methods[orientation]) if orientation in methods else frame


def _plain(picture: Pillow.Image) -> Pillow.Image:
    """Bring palettes, bilevel and deep greys to a form that keeps their contrast."""
    if picture.mode.startswith("I;16") or picture.mode in {"I", "F"}:
        levels = np.asarray(picture, dtype=np.float32)
        low, high = float(levels.min()), float(levels.max())
        grey = (levels - low) * (255.0 / (high - low)) if high > low else levels * 0 + 255
        return Pillow.fromarray(grey.astype(np.uint8))
    return picture.convert("RGBA" if "transparency" in picture.info else "RGB")


def dpi_of(picture: Pillow.Image) -> float:
    """Return how many pixels an inch has, as far as the file can be believed."""
    try:
        dpi = float(picture.info["dpi"][0])
    except (KeyError, TypeError, ValueError, IndexError, ZeroDivisionError):
        return DEFAULT_DPI
    return dpi if SANE_DPI[0] <= dpi <= SANE_DPI[1] else DEFAULT_DPI
