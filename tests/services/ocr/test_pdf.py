"""PDF pages: coordinates, rotation, hidden layers, hostile files."""

import io
from collections.abc import Callable

import pypdfium2
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from services.ocr.adapters import pdf, text_page
from services.ocr.adapters.task import count_pages, read_document, read_range
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import Page

PdfMaker = Callable[..., bytes]


def typed(canvas: Canvas) -> None:
    """Draw two words top left, one bottom right, of a page of 400 x 600."""
    canvas.drawString(50, 550, "Invoice 42")
    canvas.drawString(300, 50, "Total")


def only(content: bytes) -> Page:
    """Read a document of one page."""
    (page,) = read_document(content, MediaType.PDF).pages
    return page


def turned_by_file(content: bytes, degrees: int) -> bytes:
    """Set the /Rotate of page 1."""
    document = pypdfium2.PdfDocument(content)
    document[0].set_rotation(degrees)
    file = io.BytesIO()
    document.save(file)
    document.close()
    return file.getvalue()


def test_words_stand_where_they_are_printed(make_pdf: PdfMaker) -> None:
    """Evidence is a place on the page as a person sees it."""
    page = only(make_pdf(typed))
    assert (page.engine, page.width, page.height, page.rotation) == ("text_layer", 400, 600, 0)
    assert [(word.text, word.line) for word in page.words] == [
        ("Invoice", 0),
        ("42", 0),
        ("Total", 1),
    ]
    left, top, right, bottom = page.words[0].box
    assert left == pytest.approx(50 / 400, abs=0.005)
    assert top < 1 - 550 / 600 < bottom
    assert right < page.words[1].box[0]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_text_that_a_page_shows_turned_is_set_upright(make_pdf: PdfMaker, degrees: int) -> None:
    """Whatever /Rotate makes of it, words are read along their lines."""
    plain, turned = only(make_pdf(typed)), only(turned_by_file(make_pdf(typed), degrees))
    assert turned.words == plain.words
    assert (turned.width, turned.height, turned.rotation) == (400, 600, 0)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_set_upright_by_its_rotation_says_so(make_pdf: PdfMaker, degrees: int) -> None:
    """Content drawn turned and shown upright: boxes are of the page as shown."""

    def draw(canvas: Canvas) -> None:
        canvas.translate(200, 300)
        canvas.rotate(degrees)
        canvas.drawString(-90, 100, "Invoice")
        canvas.drawString(50, -100, "Total")

    page = only(turned_by_file(make_pdf(draw), degrees))
    assert page.rotation == degrees
    assert [word.text for word in page.words] == ["Invoice", "Total"]
    assert (page.words[0].box[0] - 0.5) * page.width == pytest.approx(-90, abs=2)
    assert page.words[0].box[3] < 0.5 < page.words[1].box[1]


def test_boxes_are_fractions_of_the_crop_box(make_pdf: PdfMaker) -> None:
    """A cropped page is what a person sees; text outside of it is not."""
    page = only(make_pdf(typed, crop=(40, 60, 400, 600)))
    assert (page.width, page.height) == (360, 540)
    assert [word.text for word in page.words] == ["Invoice", "42"]
    assert page.words[0].box[0] == pytest.approx(10 / 360, abs=0.005)


def test_a_blank_page_is_a_page(make_pdf: PdfMaker) -> None:
    """Pages in = pages read, and no model is asked what is on nothing."""
    reading = read_document(make_pdf(typed, lambda _: None, typed), MediaType.PDF)
    assert [len(page.words) for page in reading.pages] == [3, 0, 3]


def test_a_range_reads_its_pages_only(make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long documents are read in parts; a part does not pay for the others."""
    content = make_pdf(typed, typed, typed, typed)
    asked: list[int] = []
    read_page = pdf.read_page

    def spy(document: pypdfium2.PdfDocument, number: int) -> Page:
        asked.append(number)
        return read_page(document, number)

    monkeypatch.setattr(pdf, "read_page", spy)
    assert [page.number for page in read_range(content, MediaType.PDF, 2, 3).pages] == [2, 3]
    assert asked == [2, 3]


def test_a_page_that_is_not_there_is_missing(make_pdf: PdfMaker) -> None:
    """A file that promises more pages than it has is not read in part."""
    with pytest.raises(PermanentError, match="pages_missing"):
        read_range(make_pdf(typed), MediaType.PDF, 1, 2)


def test_a_count_of_a_million_pages_is_not_believed() -> None:
    """The attack: /Count lies; reading ends at the first page that is not there."""
    lying = (
        b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1000000>>endobj\n"
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
        b"trailer<</Size 4/Root 1 0 R>>\n%%EOF\n"
    )
    with pytest.raises(PermanentError, match="pages_missing"):
        read_document(lying, MediaType.PDF)


@pytest.mark.parametrize("content", [b"", b"%PDF-1.7\n", b"%PDF-1.4\ngarbage\n%%EOF"])
def test_a_broken_file_is_unreadable(content: bytes) -> None:
    """A parser's exception never leaves as such."""
    with pytest.raises(PermanentError, match="unreadable"):
        read_document(content, MediaType.PDF)


def test_a_password_is_told_apart_from_damage() -> None:
    """The sender can do something about it."""
    file = io.BytesIO()
    canvas = Canvas(file, encrypt="secret")
    canvas.drawString(50, 50, "locked")
    canvas.save()
    with pytest.raises(PermanentError, match="encrypted"):
        read_document(file.getvalue(), MediaType.PDF)


def test_a_huge_page_is_drawn_within_the_cap(make_pdf: PdfMaker) -> None:
    """The attack: 14,400 points at 150 dpi would take 2.6 GB."""
    content = make_pdf(typed, size=(14_400, 14_400))
    with pdf.opened(content) as document:
        assert max(pdf.render(document[0]).shape) <= pdf.RENDER_LONGEST + 1


def test_a_thin_page_is_drawn_at_all(make_pdf: PdfMaker) -> None:
    """The attack: a page of no width must not end in a division or an empty image."""
    with pdf.opened(make_pdf(typed, size=(14_400, 1))) as document:
        assert min(pdf.render(document[0]).shape) >= 1


def test_more_characters_than_a_page_can_show_are_refused(
    make_pdf: PdfMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attack: a page of a million characters on one spot."""
    monkeypatch.setattr(text_page, "MOST_CHARACTERS", 5)
    with pytest.raises(PermanentError, match="resource_exhausted"):
        only(make_pdf(typed))


class Scan:
    """A PDF page with an image over it, and text in it that a reader may or may not see."""

    def __init__(self, image: Image.Image, layer: str, *, visible: bool, below: bool) -> None:
        self.image, self.layer, self.visible, self.below = image, layer, visible, below

    def __call__(self, canvas: Canvas) -> None:
        """Draw it."""
        if self.below:
            self._text(canvas)
        canvas.drawImage(ImageReader(self.image), 0, 0, 400, 600)
        if not self.below:
            self._text(canvas)

    def _text(self, canvas: Canvas) -> None:
        text = canvas.beginText(50, 500)
        text.setTextRenderMode(0 if self.visible else 3)
        text.textLine(self.layer)
        canvas.drawText(text)


LAYER = "Hidden total 930.40 payable at once"
WHITE = Image.new("L", (200, 300), 255)


def test_visible_text_on_a_background_is_trusted(make_pdf: PdfMaker) -> None:
    """Letterheads are pictures; OCR would only lose what the layer says exactly."""
    page = only(make_pdf(Scan(WHITE, LAYER, visible=True, below=False)))
    assert page.engine == "text_layer"
    assert len(page.words) == 6


@pytest.mark.parametrize(("visible", "below"), [(False, False), (True, True)])
def test_a_layer_hidden_behind_a_scan_is_compared_with_it(
    make_pdf: PdfMaker, *, visible: bool, below: bool
) -> None:
    """The attack: the scan shows nothing of what the invisible layer says."""
    page = only(make_pdf(Scan(WHITE, LAYER, visible=visible, below=below)))
    assert page.engine == "rapidocr"
    assert page.words == ()


def test_a_hidden_layer_that_agrees_is_trusted(
    make_pdf: PdfMaker, make_picture: Callable[..., Image.Image]
) -> None:
    """A searchable scan's own text is kept when it says what the page shows."""
    image = make_picture(("Hidden total 930.40", "payable at once"), size=(400, 600))

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(image), 0, 0, 400, 600)
        for y, line in ((533, "Hidden total 930.40"), (463, "payable at once")):
            text = canvas.beginText(50, y)
            text.setFont("Helvetica", 28)
            text.setTextRenderMode(3)
            text.textLine(line)
            canvas.drawText(text)

    page = only(make_pdf(draw))
    assert page.engine == "text_layer"
    assert "930.40" in [word.text for word in page.words]


def test_a_hidden_layer_with_amounts_elsewhere_is_not_trusted(
    make_pdf: PdfMaker, make_picture: Callable[..., Image.Image]
) -> None:
    """The attack: it has all the numbers of the page, and another one beside the label."""
    image = make_picture(("Hidden total 930.40", "payable at once"), size=(400, 600))
    layer = "Hidden total 130.40 payable at once 930.40"
    page = only(make_pdf(Scan(image, layer, visible=False, below=False)))
    assert page.engine == "rapidocr"
    assert "130.40" not in [word.text for word in page.words]


def test_invisible_text_without_a_scan_is_not_read(make_pdf: PdfMaker) -> None:
    """Words that nobody sees are no evidence, among words that everybody sees."""

    def draw(canvas: Canvas) -> None:
        typed(canvas)
        text = canvas.beginText(50, 300)
        text.setTextRenderMode(3)
        text.textLine("Hidden")
        canvas.drawText(text)

    assert "Hidden" not in [word.text for word in only(make_pdf(draw)).words]


def test_pages_are_counted(make_pdf: PdfMaker) -> None:
    """What evaluation reads is the whole document."""
    assert count_pages(make_pdf(typed, typed), MediaType.PDF) == 2
