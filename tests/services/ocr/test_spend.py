"""What reading costs: one run with everything that is large, under a quota and a budget.

A page is what ingest reserves and what Document AI is paid for (ADR 32), so the two sums must meet.
"""

from typing import Final

import pytest

from services.ingest.budget import Budgets, BudgetUse, Limits, Period
from services.ingest.register_memory import memory_register
from services.ingest.settings import IngestSettings
from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.telemetry.reasons import QuarantineReason
from tests.docs.test_formulas import COST, given
from tests.services.ingest.lifecycle import DEADLINES, upload
from tests.services.ocr.far_house import TENANT, FarHouse, Killed, drawn, dying, units, words_of
from tests.services.ocr.scans import said, scanned_pdf, scanned_tiff

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

LETTERS: Final = 200
LONG: Final = 523
SCANNED: Final = 18
"""Slips in one scan: as large as ingest takes a file, and more pages than a request may have."""

PAGES: Final = LETTERS + LONG + 2 * SCANNED

LIMIT: Final = 1.15
"""Of the run, in the currency of docs/cost.md, at its example price of a page."""

NEXT_DAY: Final = 24 * 60.0
"""In minutes."""


def test_large_and_many_documents_cost_the_pages_that_were_reserved(far_house: FarHouse) -> None:
    """A quota makes nothing fail, a death is paid for once more, and nothing else is paid twice."""
    far_house.server.allow(10, far_house.clock)
    limits = Limits(pages_a_day=PAGES)
    register = memory_register(DEADLINES, Budgets(tenants={TENANT: limits}))
    tiff, pdf = scanned_tiff(SCANNED), scanned_pdf(SCANNED)
    largest = IngestSettings().most_bytes
    assert all(largest * 0.95 < len(scan) <= largest for scan in (tiff, pdf))
    kinds = [(drawn(1), 1, MediaType.PDF)] * LETTERS
    kinds += [(drawn(LONG), LONG, MediaType.PDF), (tiff, SCANNED, MediaType.TIFF)]
    kinds += [(pdf, SCANNED, MediaType.PDF)]
    documents = []
    for number, (content, pages, media_type) in enumerate(kinds, start=1):
        name = f"{number:040x}"
        register.accept(upload(name), document_id=name, pages=pages)
        documents.append(
            far_house.send(content, pages=pages, document=number, media_type=media_type)
        )

    doomed = far_house.worker("w0", objects=dying(far_house.objects, "results/"))
    with pytest.raises(Killed):
        far_house.settle(doomed)
    far_house.clock.sleep(301)  # its lease, and the bus's
    far_house.settle(far_house.worker("w1"), far_house.worker("w2"), most=8)

    assert all(far_house.reading(one) is not None for one in documents)
    for scan in documents[-2:]:
        reading = far_house.reading(scan)
        assert reading is not None
        assert list(words_of(reading)) == said(SCANNED)
    assert far_house.reasons() == []
    assert far_house.left() == []
    paid = units(far_house)
    assert paid == {"first": PAGES, "repeated": 1}  # the letter that a worker died over
    assert sum(paid.values()) == far_house.server.pages
    assert sum(paid.values()) * given(COST, "example")["price_page"] < LIMIT

    another = "f" * 40
    today, tomorrow = upload(another), upload(another, replay=1, minutes=NEXT_DAY)
    assert register.budget(today.time, TENANT) == [BudgetUse(Period.DAY, PAGES, PAGES)]
    with pytest.raises(PermanentError) as refused:
        register.accept(today, document_id=another, pages=1)
    assert refused.value.reason is QuarantineReason.BUDGET_EXCEEDED
    register.accept(tomorrow, document_id=another, pages=1)
