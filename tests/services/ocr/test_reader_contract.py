"""Every reader keeps one contract: the embedded one, and Document AI over its own client."""

import io
from collections.abc import Callable, Iterator

import pypdfium2
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from services.ocr.adapters.cutter import Cutter
from services.ocr.adapters.documentai import DocumentAi
from services.ocr.adapters.documentai_channel import DocumentAiChannel
from services.ocr.adapters.remote_reader import DocumentAiReader
from services.ocr.adapters.sandboxed import SandboxReader
from services.ocr.canary import sing
from services.ocr.metering import Meter
from services.ocr.pace import Pace
from services.ocr.ports import Reader
from services.ocr.processors import Processors, load_table
from shared.clock import SystemClock
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.sandbox.inline import InlineSandbox
from shared.telemetry.metrics import NullMetrics
from tests.emulators.documentai import OCR, DocumentAiServer
from tests.services.ocr.far_house import drawn

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

_NAMESPACE = b"urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
CII = b'<a:CrossIndustryInvoice xmlns:a="%s"/>' % _NAMESPACE


@pytest.fixture(params=["embedded", "documentai"])
def reader(request: pytest.FixtureRequest) -> Iterator[Reader]:
    """Give each reader."""
    sandbox = InlineSandbox()
    embedded = SandboxReader(sandbox)
    if request.param == "embedded":
        yield embedded
        return
    server: DocumentAiServer = request.getfixturevalue("documentai_server")
    clock = SystemClock()
    channel = DocumentAiChannel(
        "eu", pace=Pace(60_000, clock=clock), clock=clock, emulator=server.address
    )
    yield DocumentAiReader(
        DocumentAi(channel),
        processors=Processors(load_table(), {"ocr": OCR}),
        cutter=Cutter(sandbox),
        embedded=embedded,
        meter=Meter(NullMetrics()),
    )
    channel.close()


def test_a_range_is_read_and_none_of_the_others(reader: Reader) -> None:
    """The pages keep their numbers, whoever counts from one again."""
    read = reader.read(drawn(5), MediaType.PDF, first=2, last=4)
    assert (read.first, read.last) == (2, 4)
    assert [page.number for page in read.pages] == [2, 3, 4]
    said = [" ".join(word.text for word in page.words) for page in read.pages]
    assert said == ["page 2 of 5", "page 3 of 5", "page 4 of 5"]


def test_pages_have_their_size_and_words_their_place(reader: Reader) -> None:
    """Evidence is a box on a page; confidences and lines are what the contract says."""
    (page,) = reader.read(drawn(1), MediaType.PDF, first=1, last=1).pages
    assert (page.width, page.height, page.rotation) == (300, 400, 0)
    lines = [word.line for word in page.words]
    assert lines == sorted(lines)
    for word in page.words:
        x0, y0, x1, y1 = word.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
        assert 0 < word.confidence <= 1


def test_the_embedded_invoice_comes_with_the_first_page_only(reader: Reader) -> None:
    """The XML is exact: a reader that sees pages alone must not lose it."""
    document = pypdfium2.PdfDocument(drawn(2))
    document.new_attachment("invoice.xml").set_data(CII)
    file = io.BytesIO()
    document.save(file)
    document.close()
    whole = reader.read(file.getvalue(), MediaType.PDF, first=1, last=2)
    part = reader.read(file.getvalue(), MediaType.PDF, first=1, last=1)
    rest = reader.read(file.getvalue(), MediaType.PDF, first=2, last=2)
    assert whole.einvoice is not None
    assert part.einvoice == whole.einvoice
    assert rest.einvoice is None


@pytest.mark.parametrize(
    ("content", "media_type", "last", "reason"),
    [
        (drawn(2), MediaType.PDF, 3, "pages_missing"),
        (b"%PDF-1.7 of sorts", MediaType.PDF, 1, "unreadable"),
        (b"no picture", MediaType.PNG, 1, "unreadable"),
        (b"From: somebody", MediaType.EMAIL, 1, "unsupported_type"),
    ],
)
def test_what_cannot_be_read_is_said_so(
    reader: Reader, content: bytes, media_type: MediaType, last: int, reason: str
) -> None:
    """One reason from the closed set, whoever found out."""
    with pytest.raises(PermanentError, match=reason):
        reader.read(content, media_type, first=1, last=last)


def test_a_password_is_not_guessed(reader: Reader) -> None:
    """The sender must be told which of his files nobody can open."""
    file = io.BytesIO()
    canvas = Canvas(file, encrypt="secret")
    canvas.drawString(50, 50, "locked")
    canvas.save()
    with pytest.raises(PermanentError, match="encrypted"):
        reader.read(file.getvalue(), MediaType.PDF, first=1, last=1)


@pytest.mark.parametrize(
    ("content", "media_type", "engine"),
    [(b"Total 12.00", MediaType.TEXT, "plain_text"), (CII, MediaType.XML, "xml")],
)
def test_what_has_no_pages_is_read_here(
    reader: Reader, content: bytes, media_type: MediaType, engine: str
) -> None:
    """Text and XML are exact: nobody else is asked, or paid."""
    read = reader.read(content, media_type, first=1, last=1)
    assert [page.engine for page in read.pages] == [engine]


def test_frames_of_a_picture_are_pages(
    reader: Reader, make_picture: Callable[..., Image.Image]
) -> None:
    """A fax has several, and a range of them is read by itself."""
    blank = make_picture((), size=(60, 90))
    file = io.BytesIO()
    blank.save(file, "TIFF", save_all=True, append_images=[blank, blank], dpi=(72, 72))
    read = reader.read(file.getvalue(), MediaType.TIFF, first=2, last=3)
    assert [(page.number, page.width, page.height) for page in read.pages] == [
        (2, 60, 90),
        (3, 60, 90),
    ]


def test_it_sings(reader: Reader) -> None:
    """The breaker's canary is a document like any other."""
    sing(reader)
