"""Document AI over its own client: every way in which it can fail us, and what becomes of it."""

import pytest
from grpc import StatusCode

from services.ocr.adapters import documentai_channel
from services.ocr.adapters.cutter import Cutter
from services.ocr.adapters.documentai import DocumentAi
from services.ocr.adapters.documentai_channel import DocumentAiChannel
from services.ocr.adapters.remote_reader import DocumentAiReader
from services.ocr.adapters.sandboxed import SandboxReader
from services.ocr.metering import Meter
from services.ocr.pace import Pace
from services.ocr.processors import Processors, load_table
from shared.clock import Clock, FakeClock, SystemClock
from shared.errors import PermanentError, TransientError
from shared.events.payloads import MediaType
from shared.sandbox.inline import InlineSandbox
from shared.telemetry.metrics import NullMetrics
from tests.emulators.documentai import INVOICE, OCR, DocumentAiServer
from tests.emulators.documentai_answers import invoice, recorded
from tests.emulators.documentai_faults import Fault
from tests.services.ocr.far_house import FarHouse, drawn, words_of

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


def ask(server: DocumentAiServer, *, clock: Clock | None = None, attempt_s: float = 5.0) -> object:
    """Have one page read; on a fake clock unless the real one is needed."""
    clock = clock or FakeClock()
    channel = DocumentAiChannel(
        "eu",
        pace=Pace(600, clock=clock),
        clock=clock,
        emulator=server.address,
        attempt_s=attempt_s,
        budget_s=10.0,
    )
    try:
        return DocumentAi(channel).process(OCR, drawn(1), MediaType.PDF)
    finally:
        channel.close()


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.UNAVAILABLE,
        StatusCode.INTERNAL,
        StatusCode.ABORTED,
    ],
)
def test_what_passes_is_tried_again(documentai_server: DocumentAiServer, code: StatusCode) -> None:
    """Google's client does not: a quota error would go to the bus each time."""
    documentai_server.fail("ProcessDocument", code, code)
    assert ask(documentai_server)
    assert documentai_server.count("ProcessDocument") == 3


def test_patience_ends_before_the_lease_does(documentai_server: DocumentAiServer) -> None:
    """The bus is more patient than a push may be; tries in between back off."""
    documentai_server.fail_always("ProcessDocument", StatusCode.RESOURCE_EXHAUSTED)
    clock = FakeClock()
    with pytest.raises(TransientError, match="RESOURCE_EXHAUSTED"):
        ask(documentai_server, clock=clock)
    assert clock.monotonic() <= 10.0
    assert 3 <= documentai_server.count("ProcessDocument") <= 7


@pytest.mark.parametrize(
    "code",
    [
        StatusCode.PERMISSION_DENIED,
        StatusCode.UNAUTHENTICATED,
        StatusCode.NOT_FOUND,
        StatusCode.FAILED_PRECONDITION,
    ],
)
def test_a_refusal_is_the_operators_to_mend(
    documentai_server: DocumentAiServer, code: StatusCode
) -> None:
    """A revoked grant must not put a site's documents into quarantine."""
    documentai_server.fail_always("ProcessDocument", code)
    with pytest.raises(TransientError, match=code.name) as caught:
        ask(documentai_server)
    assert documentai_server.count("ProcessDocument") == 1
    assert "told to refuse" not in str(caught.value)


def test_a_hang_ends(documentai_server: DocumentAiServer) -> None:
    """Whoever does not answer holds one delivery, and not for long."""
    documentai_server.fail_always("ProcessDocument", Fault.HANG)
    with pytest.raises(TransientError, match="DEADLINE_EXCEEDED"):
        ask(documentai_server, clock=_Impatient(), attempt_s=0.2)


def test_a_server_that_is_not_there_is_an_outage() -> None:
    """A lost channel is no fault of the document's."""
    clock = _Impatient()
    channel = DocumentAiChannel(
        "eu", pace=Pace(600, clock=clock), clock=clock, emulator="127.0.0.1:9", attempt_s=2.0
    )
    with pytest.raises(TransientError, match="unavailable"):
        DocumentAi(channel).process(OCR, drawn(1), MediaType.PDF)
    channel.close()


def test_a_file_that_it_does_not_take_is_unreadable(documentai_server: DocumentAiServer) -> None:
    """It would not take it tomorrow."""
    documentai_server.fail("ProcessDocument", StatusCode.INVALID_ARGUMENT)
    with pytest.raises(PermanentError, match="unreadable"):
        ask(documentai_server)


def test_fewer_pages_than_were_sent_are_never_passed_over(far_house: FarHouse) -> None:
    """Pages in = pages read, else quarantine."""
    far_house.server.fail("ProcessDocument", Fault.TRUNCATE)
    document = far_house.send(drawn(3), pages=3)
    far_house.settle(far_house.worker())
    assert far_house.reasons() == ["pages_missing"]
    assert far_house.reading(document) is None


def test_an_answer_that_got_lost_is_asked_for_again(far_house: FarHouse) -> None:
    """Paid twice, read once."""
    far_house.server.fail("ProcessDocument", Fault.LOST)
    document = far_house.send(drawn(1), pages=1)
    far_house.settle(far_house.worker())
    assert far_house.reading(document) is not None
    assert far_house.server.count("ProcessDocument") == 2


def test_ranges_go_online_by_the_limit_of_the_processor(far_house: FarHouse) -> None:
    """More pages than one request takes: the ranges of the fan-out, and no batch."""
    document = far_house.send(drawn(40), pages=40)
    far_house.settle(far_house.worker())
    reading = far_house.reading(document)
    assert reading is not None
    assert list(words_of(reading)) == [f"page {n} of 40" for n in range(1, 41)]
    assert far_house.server.count("ProcessDocument") == 3
    assert far_house.server.count("BatchProcessDocuments") == 0


def test_without_a_bucket_everything_is_read_online(far_house: FarHouse) -> None:
    """A site that has none need not know of batches."""
    far_house.settings["DOCLEDGER_OCR_BATCHES_BUCKET"] = ""
    document = far_house.send(drawn(70), pages=70)
    worker = far_house.worker()
    far_house.settle(worker)
    assert far_house.reading(document) is not None
    assert far_house.server.count("ProcessDocument") == 5
    worker.poll()


def test_two_hundred_documents_under_a_quota_all_finish(far_house: FarHouse) -> None:
    """Ten requests a second, and two workers that each believe the quota to be their own."""
    far_house.server.allow(10, far_house.clock)
    workers = [far_house.worker("w1"), far_house.worker("w2")]
    content = drawn(1)
    documents = [far_house.send(content, pages=1, document=n) for n in range(1, 201)]
    far_house.settle(*workers, most=8)
    assert all(far_house.reading(one) is not None for one in documents)
    assert far_house.reasons() == []
    assert far_house.server.pages == 200  # throttled requests are not paid for
    assert not any(one.breaker.is_open for one in workers)


def test_a_worker_alone_keeps_to_the_quota(far_house: FarHouse) -> None:
    """It waits for its turn instead of being refused."""
    far_house.server.allow(10, far_house.clock)
    content = drawn(1)
    for number in range(1, 41):
        far_house.send(content, pages=1, document=number)
    far_house.settle(far_house.worker(), most=8)
    assert far_house.server.count("ProcessDocument") == 40


def test_throttling_opens_no_breaker(far_house: FarHouse) -> None:
    """A worker that is throttled is not broken: it must not stop for its canary's sake."""
    far_house.server.fail_always("ProcessDocument", StatusCode.RESOURCE_EXHAUSTED)
    worker = far_house.worker()
    for number in range(1, 6):
        far_house.send(drawn(1), pages=1, document=number)
    for _ in range(4):
        far_house.step(worker, most=5)
        far_house.clock.sleep(60)
    assert not worker.breaker.is_open
    worker.canary()
    assert far_house.reasons() == []
    far_house.server.fail_always("ProcessDocument", None)
    far_house.settle(worker)
    assert far_house.reasons() == []


def test_fields_come_with_the_reading(far_house: FarHouse) -> None:
    """What the invoice parser found is beside the words, for whoever summarizes."""
    far_house.settings["DOCLEDGER_OCR_PROCESSORS"] = f"invoice={INVOICE},ocr={OCR}"
    far_house.server.answers[INVOICE] = invoice()
    document = far_house.send(drawn(1), pages=1)
    far_house.settle(far_house.worker())
    reading = far_house.reading(document)
    assert reading is not None
    assert reading.extraction is not None
    assert reading.extraction.fields["total_amount"].value == "119.5"


def test_a_real_answer_travels(far_house: FarHouse) -> None:
    """What Document AI said of a real invoice, over the wire and through the mapping."""
    answer = recorded("0/toolbox_invoice_test-0.json")
    if answer is None:
        pytest.skip("no recorded outputs beside the project: see tests/emulators")
    far_house.settings["DOCLEDGER_OCR_PROCESSORS"] = f"invoice={INVOICE}"
    far_house.server.answers[INVOICE] = answer
    document = far_house.send(drawn(1), pages=1)
    far_house.settle(far_house.worker())
    reading = far_house.reading(document)
    assert reading is not None
    assert len(reading.pages[0].words) == 86
    assert reading.extraction is not None
    found = {name: value.value for name, value in reading.extraction.fields.items()}
    assert (found["net_amount"], found["total_tax_amount"], found["total_amount"]) == (
        "2000",
        "140",
        "2140",
    )
    assert (found["invoice_date"], found["currency"]) == ("1970-01-01", "USD")
    assert len(reading.extraction.line_items) == 3


def test_the_client_asks_the_processors_own_region() -> None:
    """Documents must not leave the region that the operator chose."""
    clock = FakeClock()
    channel = DocumentAiChannel("eu", pace=Pace(600, clock=clock), clock=clock)
    assert channel.endpoint == "eu-documentai.googleapis.com"
    assert repr(channel) == "DocumentAiChannel()"
    assert documentai_channel.ATTEMPT_S + documentai_channel.BUDGET_S < 240


class _Impatient(SystemClock):
    """The real clock, for which waiting takes no time and counts all the same."""

    def __init__(self) -> None:
        self._slept = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self._slept

    def sleep(self, seconds: float) -> None:
        self._slept += seconds * 20


def test_an_answer_out_of_shape_goes_to_quarantine(far_house: FarHouse) -> None:
    """The attack: words that are not there. It is no fault of the worker's, and none is read."""
    answer = invoice()
    answer["pages"][0]["tokens"][0]["layout"]["textAnchor"] = {
        "textSegments": [{"startIndex": "-9", "endIndex": "-1"}]
    }
    far_house.server.answers[OCR] = answer
    document = far_house.send(drawn(1), pages=1)
    worker = far_house.worker()
    far_house.settle(worker)
    assert far_house.reading(document) is None
    assert far_house.reasons() == ["unreadable"]
    assert not worker.breaker.is_open


def test_pages_that_are_too_large_together_are_asked_for_in_parts(
    documentai_server: DocumentAiServer,
) -> None:
    """Cut out, fifteen scans may be more than a request may have; each alone is not."""
    table = load_table()
    clock, content = FakeClock(), drawn(5)
    cutter = Cutter(InlineSandbox())
    most = len(cutter.cut(content, MediaType.PDF, first=2, last=3).file)
    limits = table.limits.model_copy(update={"online_bytes": most})
    channel = DocumentAiChannel(
        "eu", pace=Pace(600, clock=clock), clock=clock, emulator=documentai_server.address
    )
    reader = DocumentAiReader(
        DocumentAi(channel),
        processors=Processors(table.model_copy(update={"limits": limits}), {"ocr": OCR}),
        cutter=cutter,
        embedded=SandboxReader(InlineSandbox()),
        meter=Meter(NullMetrics()),
    )
    read = reader.read(content, MediaType.PDF, first=2, last=5)
    assert [page.number for page in read.pages] == [2, 3, 4, 5]
    assert [page.words[1].text for page in read.pages] == ["2", "3", "4", "5"]
    assert documentai_server.count("ProcessDocument") == 2
    channel.close()
