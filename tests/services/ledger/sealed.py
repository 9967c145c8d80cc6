"""A small sealed ledger, and which of its values an audit must vouch for."""

from collections.abc import Iterable
from typing import Final

from services.ledger.audit import Finding
from services.ledger.chart import Chart
from services.ledger.ports import Journal
from tests.services.ledger.conftest import TENANT, House, a_summary, document

SAYS_NOTHING: Final = {
    ("outbox", "jobid"),  # where the work began, and when its event went out: of the delivery
    ("outbox", "traceparent"),
    ("outbox", "published_at"),
    ("checkpoints", "recorded_at"),  # our own clock's word, which no proof vouches for
}
"""Columns that say nothing about the books."""

CHECKED: Final = ("entries", "postings", "outbox", "intents", "checkpoints")
"""What the books are; the other tables say what is being done, and are made again or given up."""


def a_sealed_house(journal: Journal, chart: Chart) -> House:
    """Return a ledger with a post, a hold that was voided by hand, a post; two checkpoints."""
    house = House(journal, chart)
    house.books("d0", a_summary(invoice_id="N0"))
    house.books("d1", a_summary(invoice_id="N1", without=["total_amount"]))
    house.sequencer.step()
    house.desk.void(TENANT, document("d1"), actor=house.actor)
    house.books("d2", a_summary(invoice_id="N2"))
    house.sequencer.step()
    return house


def names(found: Iterable[Finding], index: int) -> bool:
    """Tell whether the place is named."""
    return index in {finding.index for finding in found}
