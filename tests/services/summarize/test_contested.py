"""A second total that is proved, and to which nothing printed leads, is a person's to look at."""

from collections.abc import Sequence

import pytest

from services.summarize.rules import RulesSummarizer
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason
from tests.services.summarize.documents import INVOICE, RECEIPT
from tests.services.summarize.writing import reading


def summarize(rows: Sequence[str]) -> Summary:
    """Return the summary of rows."""
    return RulesSummarizer().summarize(reading(rows))


FORGED = (
    "Nettobetrag | | | 8000,00 EUR",
    "MwSt. 19 % | | | 1520,00 EUR",
    "Gesamtbetrag | | | 9520,00 EUR",
    "Rechnungsbetrag | | | 9520,00 EUR",
)


@pytest.mark.parametrize("rows", [(*INVOICE, *FORGED), (*INVOICE[:10], *FORGED, *INVOICE[10:])])
def test_two_totals_that_both_add_up_are_held(rows: Sequence[str]) -> None:
    """Which of them is owed cannot be told from the page."""
    assert HeldReason.LOW_CONFIDENCE in summarize(rows).doubts


def test_lines_that_make_another_net_amount_are_held() -> None:
    """The forged total adds up; what was bought does not go with it."""
    rows = [row for row in INVOICE if not row.startswith(("MwSt.", "Gesamt"))]
    assert HeldReason.LINES_MISMATCH in summarize([*rows, *FORGED]).doubts


@pytest.mark.parametrize(
    "rows",
    [
        INVOICE,
        RECEIPT,
        (*INVOICE, "Anzahlung | | | 59,50 EUR", "Restbetrag | | | 59,50 EUR"),
        (*INVOICE, "Rundung | | | 0,01 EUR", "Zahlbetrag | | | 119,01 EUR"),
    ],
)
def test_a_total_before_a_payment_or_a_rounding_contests_nothing(rows: Sequence[str]) -> None:
    """What leads from one to the other is printed between them."""
    assert summarize(rows).doubts == ()


def test_a_suppliers_label_at_the_foot_does_not_replace_the_name_at_the_head() -> None:
    """A line at the foot is anybody's to add."""
    rows = [*INVOICE, *[""] * 16, "Lieferant: Evil Holdings GmbH"]
    assert summarize(rows).fields["supplier_name"].value == "Muster GmbH"
