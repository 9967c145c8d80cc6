"""Pages cut out of a file, in a real sandboxed process."""

import io
import json
from collections.abc import Iterator, Mapping

import pypdfium2
import pytest
from PIL import Image

from services.ocr.adapters.cutter import TASK, Cutter
from services.ocr.adapters.images import frames
from services.ocr.settings import OcrSettings
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.sandbox.inline import InlineSandbox
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import JSON
from tests.emulators.documentai import OCR
from tests.emulators.documentai_answers import pages_of
from tests.emulators.stamps import stamp
from tests.services.ocr.far_house import drawn


@pytest.fixture(scope="module")
def cutter() -> Iterator[Cutter]:
    """Give a cutter over one child, as Document AI's reader has it."""
    sandbox = Sandbox(OcrSettings(reader="documentai", processors={"ocr": OCR}).sandbox())
    yield Cutter(sandbox)
    sandbox.close()


@pytest.mark.integration
def test_only_the_pages_of_the_range_leave(cutter: Cutter) -> None:
    """Whoever reads elsewhere gets no page that he was not asked to read."""
    cut = cutter.cut(drawn(4), MediaType.PDF, first=2, last=3)
    assert list(cut.sizes) == [(300, 400), (300, 400)]
    part = pypdfium2.PdfDocument(cut.file)
    said = [page.get_textpage().get_text_bounded() for page in part]
    part.close()
    assert said == ["page 2 of 4", "page 3 of 4"]
    assert b"page 1 of 4" not in cut.file


@pytest.mark.integration
def test_a_whole_document_is_sent_as_it_came(cutter: Cutter) -> None:
    """Nothing is written anew that need not be."""
    content = drawn(2)
    assert cutter.cut(content, MediaType.PDF, first=1, last=2).file == content
    assert cutter.cut(content, MediaType.PDF, first=1, last=2, look=True).file == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b'{"sizes": 1, "einvoice": null, "whole": true}',
        json.dumps({"sizes": [], "einvoice": {"xml": 1}, "whole": False}).encode(),
    ],
)
def test_an_answer_out_of_shape_is_the_documents_fault(answer: bytes) -> None:
    """The attack: foreign bytes that took the child over speak for it."""

    class Taken:
        def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
            assert (task, content, parameters["look"]) == (TASK, b"", False)
            return answer

    with pytest.raises(PermanentError, match="unreadable") as caught:
        Cutter(Taken()).cut(b"", MediaType.PDF, first=1, last=1)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("mode", "packed", "most"),
    [("RGB", "jpeg", 2), ("L", "jpeg", 2), ("1", "group4", 1.01), ("RGB", "tiff_lzw", 1)],
)
def test_frames_stay_as_small_as_they_came(mode: str, packed: str, most: float) -> None:
    """Without loss a colour scan is ten times as large, and more than a request may have."""
    noise = Image.effect_noise((400, 600), 60).convert(mode)
    file = io.BytesIO()
    noise.save(
        file, "TIFF", save_all=True, append_images=[noise] * 3, compression=packed, dpi=(200, 200)
    )
    whole = file.getvalue()
    cut = Cutter(InlineSandbox()).cut(whole, MediaType.TIFF, first=2, last=3)
    assert len(cut.file) < len(whole) / 2 * most
    assert list(cut.sizes) == [(144, 216)] * 2
    with Image.open(io.BytesIO(cut.file)) as part:
        assert (frames(part), part.size, part.info["dpi"]) == (2, (400, 600), (200, 200))


@pytest.mark.parametrize(("first", "last"), [(1, 1), (1, 3), (2, 3), (4, 4)])
def test_each_frame_is_the_one_that_was_asked_for(first: int, last: int) -> None:
    """The first, too: another in its place would be read as it, and nobody would miss it."""
    slips = [Image.new("L", (1000, 100), 255) for _ in range(4)]
    for number, slip in enumerate(slips, start=1):
        stamp(slip, f"page {number}")
    file = io.BytesIO()
    slips[0].save(file, "TIFF", save_all=True, append_images=slips[1:])
    cut = Cutter(InlineSandbox()).cut(file.getvalue(), MediaType.TIFF, first=first, last=last)
    told = [[f"page {number}"] for number in range(first, last + 1)]
    assert pages_of(cut.file, MediaType.TIFF) == told
