"""Images: how many frames, how large, and whether the file is whole. Pixels stay packed."""

import io
import warnings
from typing import Final

from PIL import Image, ImageFile, JpegImagePlugin, TiffImagePlugin

from services.ingest.inspection import InspectionLimits
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason

# By name, so that no other of Pillow's forty parsers is reached.
_FORMATS: Final = {
    MediaType.PNG: "PNG",
    MediaType.JPEG: "JPEG",
    MediaType.TIFF: "TIFF",
    MediaType.WEBP: "WEBP",
}
_OFFSETS_AND_SIZES: Final = ((273, 279), (324, 325))  # TIFF strips, tiles
_RIFF_HEADER: Final = 8
_EIGHTH: Final = 8


def count_pages(content: bytes, media_type: MediaType, limits: InspectionLimits) -> int:
    """Return the number of frames; 1 but for TIFF.

    Raises:
        PermanentError: ``unreadable``, ``too_many_pages``, ``too_many_pixels``, or
            ``unsupported_type`` for an animation.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about odd metadata
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = limits.pixels
        try:
            return _count(content, media_type, limits)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as err:
            raise PermanentError(QuarantineReason.TOO_MANY_PIXELS) from err
        except (PermanentError, MemoryError):
            raise
        except Exception as err:  # Pillow's parsers raise anything on damaged bytes
            raise PermanentError(QuarantineReason.UNREADABLE) from err


def _count(content: bytes, media_type: MediaType, limits: InspectionLimits) -> int:
    image = Image.open(io.BytesIO(content), formats=(_FORMATS[media_type],))
    with image:
        _check_pixels(image, limits)
        if media_type is MediaType.TIFF:
            return _frames(image, len(content), limits)
        if media_type is MediaType.JPEG:
            _decode_an_eighth(image)
            return 1  # what a camera adds (MPO) are previews of the same picture
        if getattr(image, "n_frames", 1) > 1:
            raise PermanentError(QuarantineReason.UNSUPPORTED_TYPE)
        if media_type is MediaType.WEBP:
            _check_riff(content)
            image.load()
        else:
            image.verify()  # the checksum of every chunk, to the last
    return 1


def _check_pixels(image: Image.Image, limits: InspectionLimits) -> None:
    if image.width * image.height > limits.pixels:
        raise PermanentError(QuarantineReason.TOO_MANY_PIXELS)


def _frames(image: ImageFile.ImageFile | Image.Image, size: int, limits: InspectionLimits) -> int:
    """Count TIFF frames, each checked for size and for data that lies within the file."""
    frame = 0
    while True:
        try:
            image.seek(frame)
        except EOFError:
            break
        if frame == limits.pages:
            raise PermanentError(QuarantineReason.TOO_MANY_PAGES)
        _check_pixels(image, limits)
        if not isinstance(image, TiffImagePlugin.TiffImageFile) or not _is_whole(image, size):
            raise PermanentError(QuarantineReason.UNREADABLE)
        frame += 1
    return frame


def _is_whole(image: TiffImagePlugin.TiffImageFile, size: int) -> bool:
    tags = image.tag_v2
    for offsets, sizes in _OFFSETS_AND_SIZES:
        if offsets in tags:
            pairs = zip(tags[offsets], tags.get(sizes, ()), strict=False)
            return all(offset + length <= size for offset, length in pairs)
    return False


def _decode_an_eighth(image: Image.Image) -> None:
    """Read the whole of a JPEG's data while computing a 64th of its pixels; raises if truncated."""
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        image.draft(None, (max(image.width // _EIGHTH, 1), max(image.height // _EIGHTH, 1)))
    image.load()


def _check_riff(content: bytes) -> None:
    if int.from_bytes(content[4:_RIFF_HEADER], "little") + _RIFF_HEADER > len(content):
        raise PermanentError(QuarantineReason.UNREADABLE)
