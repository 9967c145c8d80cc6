"""Characters beyond the basic plane come from pdfium as two halves; halves cannot be stored."""

import pytest

from services.ocr.adapters.text_page import _text


@pytest.mark.parametrize(
    ("codes", "text"),
    [
        ([0x41], "A"),
        ([0xD83D, 0xDCDE], "\U0001f4de"),
        ([0xD83D, 0x41], "A"),
        ([0xDCDE], "\ufffd"),
        ([0xD83D, 0xD83D, 0xDCDE], "\U0001f4de"),
        ([0x02], "-"),
        ([0x110000], ""),
    ],
)
def test_halves_become_whole_characters(codes: list[int], text: str) -> None:
    """An emoji beside a phone number must not keep an invoice from being stored."""
    surrogates: list[int] = []
    read = "".join(_text(code, surrogates) or "" for code in codes)
    assert read == text
    assert read.encode().decode() == text
