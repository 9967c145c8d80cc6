"""What another reader found beside the rules' reading: agreement, objection, proposal. Pure.

Whoever the other is (a model, a reader that looks for fields), it comes to the same: the rules
post, the other may only object (ADR 25).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from services.summarize.amounts import written
from services.summarize.answer import AMOUNTS, DATES
from services.summarize.currency import scale_of
from services.summarize.folding import alnum
from services.summarize.page_reading import PageReading
from shared.events.results import Evidence, FieldName, FieldValue, Summary
from shared.telemetry.reasons import HeldReason

PROPOSED: Final = 0.5
"""The confidence of what only the other says: nothing else speaks for it."""

BESIDE: Final[frozenset[FieldName]] = frozenset({"supplier_address", "receiver_name"})
"""What an entry does not stand on: the rules' reading of these is not held against the other's."""

_SHORTEST: Final = 3  # letters and digits from which one name may be a part of the other


@dataclass(frozen=True, slots=True)
class Found:
    """A value of the other's and the words that it stands on.

    Attributes:
        value: as fields hold it.
        places: at least one.
    """

    value: str
    places: tuple[Evidence, ...]

    def proposal(self) -> FieldValue:
        """Return it as a field that only the other speaks for."""
        read = min(place.confidence for place in self.places)
        return FieldValue(
            value=self.value, confidence=round(PROPOSED * read, 4), evidence=self.places
        )


def weighed(
    summary: Summary, found: Mapping[FieldName, Found], objections: Iterable[HeldReason]
) -> Summary:
    """Return a summary with what the other adds and what it objects to.

    Args:
        summary: the rules' reading.
        found: what of the other's stands in the words.
        objections: what else it objects to.
    """
    doubts = [*summary.doubts, *objections]
    if any(_objects(name, one.value, summary.fields) for name, one in found.items()):
        doubts.append(HeldReason.SUMMARIZERS_DIFFER)
    fields = {
        name: _both(value, found[name])
        if name in found and same(name, value.value, found[name].value)
        else value
        for name, value in summary.fields.items()
    }
    if doubts:
        fields |= {name: one.proposal() for name, one in found.items() if name not in fields}
    update = {"fields": fields, "doubts": tuple(dict.fromkeys(doubts))}
    return summary.model_copy(update=update)


def same(name: FieldName, one: str, other: str) -> bool:
    """Tell whether two well-formed values of a field say the same.

    Signs do not count (credit notes), nor do the spaces and separators of an id.
    """
    if name in AMOUNTS:
        return abs(Decimal(one)) == abs(Decimal(other))
    if name in DATES or name == "currency":
        return one == other
    short, long = sorted((alnum(one), alnum(other)), key=len)
    if name == "invoice_id":
        return short == long
    return short == long or (len(short) >= _SHORTEST and short in long)


def to_scale(value: str, page: PageReading) -> str:
    """Return an amount with the decimals of the document's currency; none is rounded away."""
    return written(Decimal(value), scale_of(page.currency.code) if page.currency else 2)


def _both(value: FieldValue, found: Found) -> FieldValue:
    return value.model_copy(update={"evidence": (*value.evidence, *found.places)})


def _objects(name: FieldName, value: str, fields: Mapping[FieldName, FieldValue]) -> bool:
    """Tell whether a value of the other's speaks against what would be posted."""
    if name in BESIDE:
        return False
    if name in fields:
        return not same(name, fields[name].value, value)
    implied = _implied(name, fields)
    return implied is not None and abs(Decimal(value)) != abs(implied)


def _implied(name: FieldName, fields: Mapping[FieldName, FieldValue]) -> Decimal | None:
    """Return what the books make of net or tax where the rules found only the total."""
    if name not in {"net_amount", "total_tax_amount"} or "total_amount" not in fields:
        return None
    other: FieldName = "total_tax_amount" if name == "net_amount" else "net_amount"
    rounding = fields["rounding_amount"].value if "rounding_amount" in fields else "0"
    rest = Decimal(fields["total_amount"].value) - Decimal(rounding)
    if other in fields:
        return rest - Decimal(fields[other].value)
    return rest if name == "net_amount" else Decimal(0)
