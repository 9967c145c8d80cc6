"""The reader in a real sandboxed process."""

from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from services.ocr.adapters.sandboxed import SandboxReader
from services.ocr.settings import OcrSettings
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.sandbox.pool import Sandbox

pytestmark = pytest.mark.integration


def nested_forms(levels: int, width: int) -> bytes:
    """Return a PDF whose page draws a form that draws ``width`` forms, ``levels`` deep."""
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        (
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
            b"/Resources<</XObject<</F 5 0 R>>>>>>"
        ),
        b"<</Length 5>>stream\n/F Do\nendstream",
    ]
    for level in range(levels):
        last = level == levels - 1
        body = b"0 0 1 1 re f" if last else b"/F Do " * width
        inner = b"" if last else b"/Resources<</XObject<</F %d 0 R>>>>" % (6 + level)
        objects.append(
            b"<</Type/XObject/Subtype/Form/BBox[0 0 99 99]%s/Length %d>>stream\n%s\nendstream"
            % (inner, len(body), body)
        )
    file = b"%PDF-1.4\n"
    for number, body in enumerate(objects, start=1):
        file += b"%d 0 obj%s endobj\n" % (number, body)
    return file + b"trailer<</Size %d/Root 1 0 R>>\n%%%%EOF\n" % (len(objects) + 1)


@pytest.fixture(scope="module")
def reader() -> Iterator[SandboxReader]:
    """Return a reader over one child with the default memory and little time."""
    with Sandbox(OcrSettings(cpu_s=3, wall_s=30.0).sandbox()) as sandbox:
        yield SandboxReader(sandbox)


def test_scans_are_read_inside_the_limits(
    reader: SandboxReader,
    make_picture: Callable[..., Image.Image],
    encode: Callable[..., bytes],
    lines: tuple[str, ...],
) -> None:
    """Models load and run without files to write, network or more memory than allowed."""
    read = reader.read(encode(make_picture()), MediaType.PNG, first=1, last=1)
    assert " ".join(word.text for word in read.pages[0].words) == " ".join(lines)


def test_nested_forms_end_at_the_limit(
    reader: SandboxReader, make_picture: Callable[..., Image.Image], encode: Callable[..., bytes]
) -> None:
    """The attack: a small file that draws a hundred million forms; the next document is read."""
    with pytest.raises(PermanentError, match="resource_exhausted"):
        reader.read(nested_forms(9, 10), MediaType.PDF, first=1, last=1)
    assert reader.read(encode(make_picture()), MediaType.PNG, first=1, last=1).pages[0].words
