"""A document read from its words and their positions, without any XML."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property

from services.summarize.amounts import Separator, decimal_separator
from services.summarize.currency import CurrencyFound, countries, find_currency
from services.summarize.doctype import TypeFound, find_type
from services.summarize.figures import Figure, integer_totals, of_role, read_figures
from services.summarize.folding import letters
from services.summarize.labels import Label, Role
from services.summarize.layout import Sheet, lay_out
from services.summarize.lines import Table, read_lines
from services.summarize.parties import find_address, find_receiver, find_supplier, find_tax_id
from services.summarize.reconcile import STRONG, Candidate, Ledgered, Reconciled, reconcile
from services.summarize.references import Found, find_document_dates, find_id
from services.summarize.tax_summary import printed_rates, tax_rows
from shared.events.payloads import DocumentType
from shared.events.results import Page


@dataclass(frozen=True)
class PageReading:
    """What the words and positions say; each part is worked out when it is first asked for."""

    pages: Sequence[Page]

    @cached_property
    def sheet(self) -> Sheet:
        """The rows of the pages."""
        return lay_out(self.pages)

    @cached_property
    def separator(self) -> Separator:
        """What separates decimals."""
        return decimal_separator(row.text for row in self.sheet.rows)

    @cached_property
    def figures(self) -> list[Figure]:
        """Every amount with its label."""
        found = read_figures(self.sheet, self.separator)
        if not of_role(found, Role.TOTAL, Role.PAYABLE):
            found += integer_totals(self.sheet, self.separator)
        return found

    @cached_property
    def home(self) -> Counter[str]:
        """Signs of the countries that the document is from."""
        return countries(row.text for row in self.sheet.rows)

    @cached_property
    def type(self) -> TypeFound:
        """What kind of document it is."""
        return find_type(
            self.sheet,
            has_total=bool(of_role(self.figures, Role.TOTAL, Role.PAYABLE)),
            has_tax=bool(of_role(self.figures, Role.TAX)),
            has_change=bool(of_role(self.figures, Role.CHANGE)),
        )

    @cached_property
    def table(self) -> Table:
        """The line items."""
        return read_lines(self.sheet, self.figures, self.separator)

    @cached_property
    def chosen(self) -> Reconciled:
        """The total, net and tax that the arithmetic chose."""
        return reconcile(self.facts)

    @cached_property
    def facts(self) -> Ledgered:
        """What takes part in the arithmetic. On a credit note signs do not count."""
        credit = self.type.kind is DocumentType.CREDIT_NOTE
        negative = credit and any(
            figure.value < 0 for figure in of_role(self.figures, Role.TOTAL, Role.PAYABLE)
        )

        def sign(value: Decimal) -> Decimal:
            return -value if negative else value

        candidates = tuple(
            Candidate(
                value=sign(figure.value),
                role=label.role,
                strength=label.strength * (0.9 if figure.distance else 1.0),
                place=place,
                label=letters(figure.label_text),
            )
            for place, (figure, label) in enumerate(zip(self.figures, self._labels(), strict=True))
            if label is not None and label.role is not Role.IGNORED
        )
        return Ledgered(
            candidates=candidates,
            tax_rows=tuple(
                (sign(base), sign(tax)) for base, tax in tax_rows(self.figures, self.rates)
            ),
            lines=tuple(sign(value) for value in self.table.amounts),
            rates=self.rates,
            net_is_total=self.type.kind is DocumentType.RECEIPT,
        )

    @cached_property
    def holds_several(self) -> bool:
        """Whether pages add up to different totals: several documents in one file."""
        if len(self.pages) < 2:  # noqa: PLR2004 - one page is one document
            return False
        totals: set[Decimal] = set()
        for page in self.pages:
            own = tuple(
                item
                for item in self.facts.candidates
                if self.figures[item.place].segment.page == page.number
            )
            chosen = reconcile(replace(self.facts, candidates=own, tax_rows=(), lines=()))
            if chosen.total is not None and chosen.proofs & STRONG:
                totals.add(chosen.total)
        return len(totals) > 1

    def _labels(self) -> list[Label | None]:
        """Return each figure's label; below a rounding stands what is due, labelled or not."""
        found: list[Label | None] = []
        for before, figure in zip([None, *self.figures], self.figures, strict=False):
            after_rounding = (
                before is not None
                and before.label is not None
                and before.label.role is Role.ROUNDING
                and figure.label is None
                and figure.alone
                and 0 <= figure.segment.row - before.segment.row <= 2  # noqa: PLR2004 - next to it
            )
            found.append(Label(Role.TOTAL, 0.6) if after_rounding else figure.label)
        return found

    @cached_property
    def rates(self) -> tuple[Decimal, ...]:
        """The tax rates that are printed."""
        return printed_rates(row.text for row in self.sheet.rows)

    @cached_property
    def currency(self) -> CurrencyFound | None:
        """What the amounts are in."""
        totals = of_role(self.figures, Role.TOTAL, Role.PAYABLE)
        ordered = [*totals, *(figure for figure in self.figures if figure not in totals)]
        beside = [
            (figure.amount.mark, figure.segment)
            for figure in ordered
            if figure.amount.mark is not None
        ]
        return find_currency(self.sheet, beside, self.home)

    @cached_property
    def id(self) -> Found | None:
        """The document's number."""
        return find_id(self.sheet, credit=self.type.kind is DocumentType.CREDIT_NOTE)

    @cached_property
    def dates(self) -> tuple[Found | None, Found | None]:
        """The document's date and the day it is due."""
        american = bool(self.home["US"]) and not self.home["MY"]
        return find_document_dates(self.sheet, "mdy" if american else "dmy")

    @cached_property
    def parties(self) -> dict[str, Found]:
        """Supplier and receiver: name, address, tax id, where they were found."""
        receiver = find_receiver(self.sheet)
        supplier = find_supplier(self.sheet, receiver)
        found: dict[str, Found | None] = {"receiver_name": receiver}
        if supplier is not None:
            found["supplier_name"] = supplier[0]
            found["supplier_address"] = find_address(self.sheet, supplier[1])
        found["supplier_tax_id"] = find_tax_id(self.sheet)
        return {name: value for name, value in found.items() if value is not None}

    def figure_of(self, value: Decimal, *roles: Role) -> Figure | None:
        """Return the figure that shows ``value`` best: labelled with one of ``roles``, then any."""
        labelled = [item for item in of_role(self.figures, *roles) if abs(item.value) == abs(value)]
        every = [item for item in self.figures if abs(item.value) == abs(value)]
        return max(labelled, key=_strength) if labelled else (every[-1] if every else None)


def _strength(figure: Figure) -> float:
    return figure.label.strength if figure.label is not None else 0.0
