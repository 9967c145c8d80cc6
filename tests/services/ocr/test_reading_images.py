"""The real models on small drawn pages: a handful of runs."""

from collections.abc import Callable

import pytest
from PIL import Image

from services.ocr.adapters import images
from services.ocr.adapters.task import count_pages, read_document
from shared.events.payloads import MediaType
from shared.events.results import Page

Draw = Callable[..., Image.Image]
Encode = Callable[..., bytes]


def said(page: Page) -> list[str]:
    """Return the words of each line, joined."""
    lines: dict[int, list[str]] = {}
    for word in page.words:
        lines.setdefault(word.line, []).append(word.text)
    return [" ".join(words) for words in lines.values()]


def test_a_scan_is_read_word_by_word(
    make_picture: Draw, encode: Encode, lines: tuple[str, ...]
) -> None:
    """Words, boxes and confidences, of the same granularity as a text layer's."""
    (page,) = read_document(encode(make_picture(), dpi=(144, 144)), MediaType.PNG).pages
    assert said(page) == list(lines)
    assert (page.engine, page.rotation, page.skew) == ("rapidocr", 0, 0)
    assert page.width == pytest.approx(320, abs=1)
    assert page.height == pytest.approx(230, abs=1)
    total, amount, figure = page.words[-3:]
    assert (total.text, amount.text, figure.text) == ("Total", "amount", "130.40")
    assert total.box[2] < amount.box[0] < amount.box[2] < figure.box[0]
    assert total.box[0] == pytest.approx(50 / 640, abs=0.02)
    assert total.confidence > 0.9


@pytest.mark.parametrize(("degrees", "rotation"), [(90, 90), (180, 180), (270, 270)])
def test_a_page_scanned_on_its_side_or_head_is_set_upright(
    make_picture: Draw, encode: Encode, lines: tuple[str, ...], degrees: int, rotation: int
) -> None:
    """The scanner's operator need not care; boxes are of the upright page."""
    turned = make_picture().rotate(degrees, expand=True)  # counter-clockwise
    (page,) = read_document(encode(turned), MediaType.PNG).pages
    assert said(page) == list(lines)
    assert page.rotation == rotation
    assert page.width > page.height
    assert page.words[0].box[0] == pytest.approx(50 / 640, abs=0.02)


def test_a_skewed_photo_is_straightened(
    make_picture: Draw, encode: Encode, lines: tuple[str, ...]
) -> None:
    """Lines that climb must stay lines, or labels lose their values."""
    skewed = make_picture(size=(700, 520)).rotate(
        -6, fillcolor=255, resample=Image.Resampling.BICUBIC
    )
    (page,) = read_document(encode(skewed, "JPEG", quality=90), MediaType.JPEG).pages
    assert said(page) == list(lines)
    assert page.skew == pytest.approx(6, abs=0.7)
    tops = [word.box[1] for word in page.words if word.line == 4]
    assert max(tops) - min(tops) < 0.02


def test_exif_turns_a_photo_before_it_is_read(
    make_picture: Draw, encode: Encode, lines: tuple[str, ...]
) -> None:
    """A phone stores the sensor's picture and says how it was held."""
    photo = make_picture().rotate(90, expand=True)
    exif = Image.Exif()
    exif[images.EXIF_ORIENTATION] = 6  # to be turned 90 degrees clockwise
    (page,) = read_document(encode(photo, "JPEG", exif=exif), MediaType.JPEG).pages
    assert said(page) == list(lines)
    assert page.rotation == 90
    assert page.width > page.height


def test_every_frame_of_a_tiff_is_a_page(encode: Encode) -> None:
    """Faxes and archives come as one file of many pages; blank ones count."""
    blank = Image.new("1", (64, 64), 1)
    content = encode(blank, "TIFF", save_all=True, append_images=[blank, blank])
    assert count_pages(content, MediaType.TIFF) == 3
    reading = read_document(content, MediaType.TIFF)
    assert [page.number for page in reading.pages] == [1, 2, 3]
    assert all(page.words == () for page in reading.pages)
