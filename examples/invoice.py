"""A business document before it is drawn: who, when, what, how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from examples.conventions import COUNTRIES, Convention, plain_number, round_to
from examples.goods import GOODS, choose_price, choose_quantity
from examples.parties import Party, make_party
from examples.truth import Line
from examples.wording import Words, choose_words
from shared.events.payloads import DocumentType
from shared.events.results import FieldName


@dataclass(frozen=True, slots=True)
class Item:
    """One line.

    Attributes:
        description: what.
        unit: UN/ECE Recommendation 20.
        quantity: of units.
        unit_price: net.
        rate: of tax, in per cent.
        amount: quantity times price, rounded to the currency's minor unit.
    """

    description: str
    unit: str
    quantity: Decimal
    unit_price: Decimal
    rate: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice, credit note or receipt; every figure follows from its items.

    Attributes:
        kind: of document.
        convention: how it writes.
        words: how it calls things.
        supplier: who sends it.
        receiver: who pays; None on a receipt.
        number: of the document.
        issued: when.
        due: until when to pay; None on a receipt or credit note.
        items: at least one.
        printed_total: what stands there instead of the true total (a wrong invoice).
        unlisted: what the net amount holds beyond the lines (another wrong invoice).
        refers_to: the invoice that a credit note corrects.
    """

    kind: DocumentType
    convention: Convention
    words: Words
    supplier: Party
    receiver: Party | None
    number: str
    issued: date
    due: date | None
    items: tuple[Item, ...]
    printed_total: Decimal | None = None
    unlisted: Decimal = Decimal(0)
    refers_to: str | None = None

    @property
    def currency(self) -> str:
        """ISO 4217."""
        return self.convention.currency

    @property
    def net(self) -> Decimal:
        """The sum of the lines, unless the invoice is wrong on purpose."""
        return sum((item.amount for item in self.items), self.unlisted)

    @property
    def taxes(self) -> dict[Decimal, tuple[Decimal, Decimal]]:
        """Base and tax by rate, each tax rounded on its base (EN 16931, BR-CO-17)."""
        bases = {self.items[0].rate: self.unlisted}
        for item in self.items:
            bases[item.rate] = bases.get(item.rate, Decimal(0)) + item.amount
        return {
            rate: (base, round_to(base * rate / 100, self.currency))
            for rate, base in sorted(bases.items(), reverse=True)
        }

    @property
    def tax(self) -> Decimal:
        """All tax."""
        return sum((tax for _, tax in self.taxes.values()), Decimal(0))

    @property
    def total(self) -> Decimal:
        """What is printed as the total: net and tax, unless the invoice is wrong on purpose."""
        return self.net + self.tax if self.printed_total is None else self.printed_total

    @property
    def title(self) -> str:
        """What the document calls itself."""
        return self.words.credit_note if self.is_credit else self.words.invoice

    @property
    def is_credit(self) -> bool:
        """Whether the money goes the other way."""
        return self.kind is DocumentType.CREDIT_NOTE


def fields_of(invoice: Invoice) -> dict[FieldName, str]:
    """Return the canonical fields as a perfect reader would find them."""
    fields: dict[FieldName, str] = {
        "supplier_name": invoice.supplier.name,
        "supplier_address": invoice.supplier.address,
        "supplier_tax_id": invoice.supplier.tax_id,
        "invoice_id": invoice.number,
        "invoice_date": invoice.issued.isoformat(),
        "currency": invoice.currency,
        "net_amount": str(invoice.net),
        "total_tax_amount": str(invoice.tax),
        "total_amount": str(invoice.total),
    }
    if invoice.receiver is not None:
        fields["receiver_name"] = invoice.receiver.name
    if invoice.due is not None:
        fields["due_date"] = invoice.due.isoformat()
    return fields


def lines_of(invoice: Invoice) -> tuple[Line, ...]:
    """Return the line items as a perfect reader would find them."""
    return tuple(
        Line(
            description=item.description,
            quantity=plain_number(item.quantity),
            unit_price=str(item.unit_price),
            amount=str(item.amount),
        )
        for item in invoice.items
    )


def make_items(
    random: Random, country: str, count: int, rates: Sequence[str] | None = None
) -> tuple[Item, ...]:
    """Invent ``count`` lines; ``rates`` None takes the country's standard rate."""
    custom = COUNTRIES[country]
    goods = GOODS[custom.language]
    chosen = random.sample(goods, count) if count <= len(goods) else random.choices(goods, k=count)
    items = []
    for good in chosen:
        quantity = choose_quantity(random, good)
        price = choose_price(random, good, custom)
        items.append(
            Item(
                description=good.description,
                unit=good.unit,
                quantity=quantity,
                unit_price=price,
                rate=Decimal(random.choice(rates or custom.rates[:1])),
                amount=round_to(quantity * price, custom.currency),
            )
        )
    return tuple(items)


def _make_number(random: Random, issued: date, serial: int) -> str:
    """Return a document number in one of the shapes that companies use, unique by ``serial``."""
    return random.choice(
        (
            f"INV-{issued.year}-{serial:05d}",
            f"{issued.year}/{serial:05d}",
            f"R{issued:%y%m}-{serial:04d}",
            f"{random.randrange(10, 99)}{serial:06d}",
            f"{random.choice('ABFKRS')}-{serial:06d}",
        )
    )


def make_invoice(  # noqa: PLR0913 - each argument is one thing that a caller fixes
    random: Random,
    country: str,
    *,
    serial: int,
    lines: int | None = None,
    rates: Sequence[str] | None = None,
    kind: DocumentType = DocumentType.INVOICE,
) -> Invoice:
    """Invent an invoice or credit note.

    Args:
        random: where every choice comes from.
        country: of the supplier (a key of ``COUNTRIES``); the receiver is from there too.
        serial: makes the number unique.
        lines: how many; None chooses 1 to 7.
        rates: of tax to choose from for each line; None takes the standard rate.
        kind: invoice or credit note.
    """
    custom = COUNTRIES[country]
    issued = date(2025, 1, 2) + timedelta(days=random.randrange(540))
    supplier = make_party(random, country)
    receiver = make_party(random, country)
    while receiver.name == supplier.name:
        receiver = make_party(random, country)
    credit = kind is DocumentType.CREDIT_NOTE
    return Invoice(
        kind=kind,
        convention=custom.convention(random),
        words=choose_words(random, custom.language, country),
        supplier=supplier,
        receiver=receiver,
        number=_make_number(random, issued, serial),
        issued=issued,
        due=None if credit else issued + timedelta(days=random.choice((10, 14, 21, 30, 45))),
        items=make_items(random, country, lines or random.randrange(1, 8), rates),
        refers_to=_make_number(random, issued, serial + 7000) if credit else None,
    )
