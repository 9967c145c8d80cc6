"""What references in events point at: the stored results of each stage.

These hold document content, so they exist only encrypted under the document's key.
Boxes are fractions of the upright page: x0, y0 (top left), x1, y1 (bottom right), 0 to 1.
"""

from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from shared.events.payloads import DocumentType, Identifier, MediaType
from shared.telemetry.reasons import HeldReason, InsteadReason, RefusedReason

Engine = Literal["text_layer", "rapidocr", "plain_text", "xml", "documentai", "vertex"]
"""Who read; ``vertex`` names evidence for a value that a model on Vertex AI gave."""

Confidence = Annotated[float, Field(ge=0, le=1)]

Box = tuple[float, float, float, float]


class Word(NamedTuple):
    """One word on a page.

    Attributes:
        text: as read, never empty.
        box: where it stands.
        confidence: 0 to 1; 1 for a trusted text layer.
        line: which line of the page it belongs to, counted from 0 in reading order.
    """

    text: str
    box: Box
    confidence: float
    line: int


class Result(BaseModel):
    """Base of every stored result."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Result):
    """The words of one page.

    Attributes:
        number: from 1.
        width: of the upright page in points (1/72 inch); 0 where the source has no size.
        height: likewise.
        rotation: degrees clockwise that the source was turned to stand upright: 0, 90, 180, 270.
        skew: degrees that remained and were straightened before reading.
        engine: which reader the words come from.
        words: in reading order; empty on a blank page.
    """

    number: Annotated[int, Field(ge=1)]
    width: float
    height: float
    rotation: Literal[0, 90, 180, 270] = 0
    skew: float = 0.0
    engine: Engine
    words: tuple[Word, ...]


class EInvoice(Result):
    """The XML of an e-invoice: embedded in a PDF, or the original itself.

    Attributes:
        syntax: CII (ZUGFeRD, Factur-X, XRechnung) or UBL.
        xml: the document, as text.
        visible: whether there is a page beside it that a person would read.
    """

    syntax: Literal["cii", "ubl"]
    xml: str
    visible: bool


FieldName = Literal[
    "supplier_name",
    "supplier_address",
    "supplier_tax_id",
    "receiver_name",
    "invoice_id",
    "invoice_date",
    "due_date",
    "currency",
    "net_amount",
    "total_tax_amount",
    "rounding_amount",
    "total_amount",
]
"""Document AI's names; ``rounding_amount`` is ours: what stands between net + tax and the total."""


class Evidence(Result):
    """Where a value was seen.

    Attributes:
        page: from 1; None for XML without a page.
        box: on that page; None for XML.
        text: as it stands there.
        engine: who read it.
        confidence: of the reading of this text.
        xpath: where the value came from, when it came from XML.
    """

    page: int | None
    box: Box | None
    text: str
    engine: Engine
    confidence: Confidence
    xpath: str | None = None


class FieldValue(Result):
    """One figure or name with its evidence.

    Attributes:
        value: dates ISO 8601, amounts decimal strings ("1234.50", negative with "-"), currency
            ISO 4217, everything else as text.
        confidence: the probability that the value is right.
        evidence: at least one.
    """

    value: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]


class LineItem(Result):
    """One line of an invoice or receipt; what was not found is None."""

    description: FieldValue | None = None
    quantity: FieldValue | None = None
    unit_price: FieldValue | None = None
    amount: FieldValue | None = None


class Speaker(Result):
    """Who said what a summary says.

    Attributes:
        engine: ``rules`` are the embedded summarizer; ``vertex`` is a model with the rules beside
            it, where evidence says which of the two gave a value.
        model: the model's name, where one spoke.
        instead: why the rules spoke alone where a model was to be asked.
    """

    engine: Literal["rules", "vertex"] = "rules"
    model: str | None = None
    instead: InsteadReason | None = None


class Extraction(Result):
    """What a reader found in a document beside its words: an opinion, of which nothing is sure.

    Attributes:
        document_type: what it takes the document for; None where it did not say.
        fields: by canonical name; absent when not found.
        line_items: in the order of the document.
    """

    document_type: DocumentType | None = None
    fields: dict[FieldName, FieldValue] = {}
    line_items: tuple[LineItem, ...] = ()


class PageRange(Result):
    """Pages ``first`` to ``last`` of a document, as one worker read them.

    Attributes:
        first: page, from 1.
        last: page, included.
        pages: in order, one for each page of the range.
        einvoice: what the document embeds; only the range that begins with page 1 looks for it.
        extraction: what the reader itself made of these pages, where it does such a thing.
    """

    first: Annotated[int, Field(ge=1)]
    last: Annotated[int, Field(ge=1)]
    pages: tuple[Page, ...]
    einvoice: EInvoice | None = None
    extraction: Extraction | None = None


class Intake(Result):
    """What ingest learnt of a submission. Stored at ``results/ingest/<job_id>``.

    Attributes:
        status: what became of the submission.
        document_id: of its content; None when refused before it was read.
        reason: of a refusal.
        source_name: as the sender called it; foreign text, never in an event or a log.
        media_type: by content; None when unknown.
        pages: as the parser counts them; 0 for a container (an e-mail).
        attachments: the jobs that an e-mail's attachments became.
        parent: the e-mail that carried it.
        revision: of the document that this submission is about.
    """

    status: Literal["accepted", "duplicate", "refused", "expanded"]
    document_id: Identifier | None
    reason: RefusedReason | None = None
    source_name: str
    media_type: MediaType | None = None
    pages: Annotated[int, Field(ge=0)] = 0
    attachments: tuple[Identifier, ...] = ()
    parent: Identifier | None = None
    revision: Annotated[int, Field(ge=0)] = 0


class Reading(Result):
    """Every page of one document. Pages in = pages read."""

    pages: tuple[Page, ...]
    einvoice: EInvoice | None = None
    extraction: Extraction | None = None


class Summary(Result):
    """What a document is and says.

    Attributes:
        document_type: its type.
        type_confidence: the probability that the type is right.
        summary: one to three sentences.
        fields: by canonical name; absent when not found.
        line_items: in the order of the document.
        doubts: why it must not be posted without a person; empty when it is sure. A memo
            (contract, letter …) has none.
        speaker: who says so.
    """

    document_type: DocumentType
    type_confidence: Confidence
    summary: str
    fields: dict[FieldName, FieldValue]
    line_items: tuple[LineItem, ...] = ()
    doubts: tuple[HeldReason, ...] = ()
    speaker: Speaker = Speaker()
