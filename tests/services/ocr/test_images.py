"""Decoding foreign images: no model needed."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from services.ocr.adapters import images
from services.ocr.adapters.image_types import Image as PageImage
from services.ocr.adapters.task import count_pages, read_document, read_range
from shared.errors import PermanentError
from shared.events.payloads import MediaType

Encode = Callable[..., bytes]


def pixels(content: bytes, media_type: MediaType) -> tuple[PageImage, int]:
    """Decode the first frame."""
    with images.opened(content, media_type) as picture:
        return images._pixels(picture)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_mode_becomes_blue_green_red_on_white(encode: Encode, mode: str) -> None:
    """Scanners and phones write them all; what is transparent is paper."""
    level = 65535 if mode == "I;16" else 255
    source = Image.new("L", (40, 30), 255) if mode != "I;16" else Image.new(mode, (40, 30), level)
    if mode in {"LA", "RGBA"}:
        source = Image.new(mode, (40, 30), 0)  # black, but wholly transparent
    elif mode != "I;16":
        source = source.convert(mode)
    image, turned = pixels(encode(source), MediaType.PNG)
    assert image.shape == (30, 40, 3)
    assert turned == 0
    assert image.min() == 255


def test_deep_greys_keep_their_contrast(encode: Encode) -> None:
    """A 12-bit scan in 16-bit pixels would come out black."""
    levels = np.full((8, 8), 4000, dtype=np.uint16)
    levels[2, 2] = 100
    image, _ = pixels(encode(Image.fromarray(levels), "TIFF"), MediaType.TIFF)
    assert (image[0, 0, 0], image[2, 2, 0]) == (255, 0)


def test_big_photos_are_scaled_down(encode: Encode) -> None:
    """Finer pixels read no better and cost memory."""
    image, _ = pixels(encode(Image.new("RGB", (6000, 300), "white"), "WEBP"), MediaType.WEBP)
    assert max(image.shape) <= images.LONGEST


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_exif_orientation_is_undone(encode: Encode, orientation: int) -> None:
    """The corner that was top left when the picture was taken is top left again."""
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste((0, 0, 0), (0, 0, 16, 8))
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[images.EXIF_ORIENTATION] = orientation
    image, turned = pixels(encode(stored, exif=exif), MediaType.PNG)
    assert image.shape == (32, 64, 3)
    assert image[4, 8, 0] < 50 < image[28, 56, 0]
    assert turned == images.EXIF_TURNS.get(orientation, 0)


def test_an_image_bomb_is_refused_before_it_is_decoded(
    encode: Encode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a small file that decodes to gigabytes."""
    monkeypatch.setattr(images, "MOST_PIXELS", 99)
    with pytest.raises(PermanentError, match="too_many_pixels"):
        read_document(encode(Image.new("1", (10, 10))), MediaType.PNG)


def test_pillows_own_limit_is_translated(encode: Encode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error says the same thing in other words."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(PermanentError, match="too_many_pixels"):
        read_document(encode(Image.new("1", (10, 10))), MediaType.PNG)


@pytest.mark.parametrize("keep", [0, 20, 60])
def test_damaged_files_are_unreadable(encode: Encode, keep: int) -> None:
    """A decoder's exception never leaves as such."""
    content = encode(Image.effect_noise((64, 64), 90))[:keep]
    with pytest.raises(PermanentError, match="unreadable"):
        read_document(content, MediaType.PNG)


def test_only_the_decoder_of_the_sniffed_type_may_try(encode: Encode) -> None:
    """Pillow knows fifty formats; foreign bytes get one."""
    with pytest.raises(PermanentError, match="unreadable"):
        count_pages(encode(Image.new("1", (8, 8)), "GIF"), MediaType.PNG)


def test_a_frame_that_is_not_there_is_missing(encode: Encode) -> None:
    """Pages in = pages read, for images too."""
    content = encode(Image.new("1", (8, 8)), "TIFF")
    with (
        images.opened(content, MediaType.TIFF) as picture,
        pytest.raises(PermanentError, match="pages_missing"),
    ):
        images.read_frame(picture, 2)


def test_mail_is_not_for_this_worker() -> None:
    """Ingest takes e-mails apart; one here is a mistake with a name."""
    with pytest.raises(PermanentError, match="unsupported_type"):
        read_range(b"From: a", MediaType.EMAIL, 1, 1)


@pytest.mark.parametrize(
    ("dpi", "used"), [((300, 300), 300), ((1, 1), 150), (None, 150), (("x", "x"), 150)]
)
def test_nonsense_resolutions_are_not_believed(dpi: object, used: float) -> None:
    """A page's size in points must be a page's."""
    picture = Image.open(io.BytesIO(_tiny()))
    picture.info["dpi"] = dpi
    assert images.dpi_of(picture) == used


def _tiny() -> bytes:
    file = io.BytesIO()
    Image.new("1", (8, 8)).save(file, "PNG")
    return file.getvalue()
