"""Scans and photos must hide nothing from an eye and everything from a text layer."""

from collections.abc import Callable
from io import BytesIO

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from examples.pictures import scan
from examples.truth import Example


@pytest.mark.parametrize("name", ["scan-skewed.pdf", "scan-sideways.pdf"])
def test_scans_have_no_text_layer(
    fixed: dict[str, Example], page_texts: Callable[[bytes], list[str]], name: str
) -> None:
    """Otherwise nobody would need OCR."""
    assert page_texts(fixed[name].content) == [""]


def test_hidden_text_lies(
    fixed: dict[str, Example], page_texts: Callable[[bytes], list[str]]
) -> None:
    """The layer names another total than the picture shows, and is invisible."""
    example = fixed["scan-hidden-text.pdf"]
    (text,) = page_texts(example.content)
    assert "$10.00" in text
    assert example.truth.fields["total_amount"] not in text


@pytest.mark.parametrize(
    ("name", "kind", "pages"),
    [
        ("fax.tiff", "TIFF", 2),
        ("invoice-picture.webp", "WEBP", 1),
        ("receipt-photo.jpg", "JPEG", 1),
        ("receipt.png", "PNG", 1),
    ],
)
def test_pictures_are_what_they_say(
    fixed: dict[str, Example], name: str, kind: str, pages: int
) -> None:
    """Format and page count, by the decoder's own word."""
    example = fixed[name]
    with Image.open(BytesIO(example.content)) as picture:
        assert picture.format == kind
        assert getattr(picture, "n_frames", 1) == pages == example.truth.pages
        assert min(picture.size) >= 600


def test_scan_is_skewed_noisy_and_legible(fixed: dict[str, Example]) -> None:
    """Paper must be light and grainy, ink dark: an unreadable scan tests nothing."""
    document = pypdfium2.PdfDocument(fixed["scan-skewed.pdf"].content)
    pixels = np.asarray(document[0].render(scale=2, grayscale=True).to_pil())
    document.close()
    assert np.median(pixels) > 215
    assert 2 < pixels[:40, :40].std() < 20
    assert (pixels < 90).mean() > 0.005


def test_scan_depends_on_its_seed() -> None:
    """The grain is drawn, not copied."""
    paper = Image.new("L", (80, 80), 255)
    first, again, other = (scan(paper, seed=seed, degrees=2) for seed in (1, 1, 2))
    assert first.tobytes() == again.tobytes() != other.tobytes()
