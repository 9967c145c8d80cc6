"""What labels say, in four languages and as OCR leaves them."""

import pytest

from services.summarize.labels import Role, read_label, read_prose_label


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("TOTAL SALES (INCLUSIVE OF GST) :", Role.TOTAL),
        ("Total INCL. GST@6%", Role.TOTAL),
        ("TotalAmount:", Role.TOTAL),
        ("T0TAL", Role.TOTAL),
        ("TOTAL AFTER ROUNDING", Role.TOTAL),
        ("Gesamtbetrag", Role.TOTAL),
        ("Summe inkl. USt:", Role.TOTAL),
        ("Total TTC", Role.TOTAL),
        ("Jumlah Besar", Role.TOTAL),
        ("Zahlbetrag", Role.PAYABLE),
        ("Net à payer", Role.PAYABLE),
        ("Amount due", Role.PAYABLE),
        ("Jumlah Perlu Dibayar", Role.PAYABLE),
        ("TOTAL (EXCLUDING GST):", Role.NET),
        ("Rechnungssumme ohne USt.", Role.NET),
        ("Total HT", Role.NET),
        ("Jumlah Sebelum Cukai", Role.NET),
        ("Subtotal", Role.SUBTOTAL),
        ("Zwischensumme", Role.SUBTOTAL),
        ("Jumlah Kecil", Role.SUBTOTAL),
        ("TOTAL GST :", Role.TAX),
        ("GST 6%", Role.TAX),
        ("(INCLUSIVE) GST 6%", Role.TAX),
        ("GST @6% INCLUDED IN TOTAL", Role.TAX),
        ("Zuzügl. USt:", Role.TAX),
        ("TVA 20 %", Role.TAX),
        ("Cukai Perkhidmatan 8 %", Role.TAX),
        ("Consumption tax 10 %", Role.TAX),
        ("ROUNDING ADJ", Role.ROUNDING),
        ("DISCOUNT:", Role.DISCOUNT),
        ("Service charge 10%", Role.CHARGE),
        ("Versandkosten", Role.CHARGE),
        ("Erhaltene Anzahlungen", Role.PREPAID),
        ("CASH", Role.TENDERED),
        ("Tunai", Role.TENDERED),
        ("CHANGE DUE", Role.CHANGE),
        ("Rückgeld", Role.CHANGE),
        ("VISA", Role.PAID),
        ("TOTAL QTY:", Role.IGNORED),
        ("Total saving", Role.IGNORED),
    ],
)
def test_a_label_names_a_role(text: str, role: Role) -> None:
    """A wrong role would put a wrong number into the arithmetic."""
    label = read_label(text)
    assert label is not None
    assert label.role is role


@pytest.mark.parametrize("text", ["Coffee beans", "", "12.50", "Muster GmbH", "x" * 80])
def test_what_is_no_label_has_no_role(text: str) -> None:
    """An item's description must not pass for a total."""
    assert read_label(text) is None


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("Please transfer the total amount of EUR", Role.TOTAL),
        ("The net amount is", Role.NET),
        ("Hinzu kommen 19 % Umsatzsteuer, das sind EUR", Role.TAX),
        ("Bitte überweisen Sie den Gesamtbetrag von", Role.TOTAL),
        ("Merci de régler le montant total TTC de", Role.TOTAL),
    ],
)
def test_a_sentence_names_the_amount_that_follows(text: str, role: Role) -> None:
    """Letters state their sums in sentences."""
    label = read_prose_label(text)
    assert label is not None
    assert label.role is role
    assert read_prose_label("We met on Monday and paid") is None
