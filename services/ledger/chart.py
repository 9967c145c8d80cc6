"""The chart of accounts and the posting rules, read from ``chart.yaml``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.ledger.money import FinerPrecisionError, minor_units, parse_decimal, scale_of
from shared.events.payloads import DocumentType

CHART_FILE: Final = Path(__file__).with_name("chart.yaml")

Amount = Literal["net", "tax", "rounding", "total"]

AccountCode = Annotated[str, Field(pattern=r"^[0-9]{4}$")]

AccountName = Annotated[
    str,
    Field(
        pattern=r"^(Assets|Liabilities|Equity|Income|Expenses)(:[A-Z][A-Za-z0-9-]*)+$",
    ),
]


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One posting of a rule.

    Attributes:
        account: its code.
        amount: which figure of the document.
        sign: 1 debits, -1 credits.
    """

    account: str
    amount: Amount
    sign: Literal[1, -1]


@dataclass(frozen=True, slots=True)
class Foreign:
    """How the books treat other currencies than their own.

    Attributes:
        books_currency: ISO 4217.
        rounding: the account that takes what rounded lines are over.
        differences: the account of exchange gains and losses.
        monetary: the accounts that are revalued: money, and what is owed.
    """

    books_currency: str
    rounding: str
    differences: str
    monetary: frozenset[str]


@dataclass(frozen=True, slots=True)
class TwoPersons:
    """When posting by hand needs a second bookkeeper.

    Attributes:
        above: minor units by currency; a currency that is absent always needs two.
        open_days: how long a proposal can be approved.
    """

    above: dict[str, int]
    open_days: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Accounts by code, and for each document type that posts, its postings.

    Attributes:
        names: account code to the name that exports show.
        rules: what a document type posts; a type that is absent becomes a memo entry.
        foreign: other currencies.
        two_persons: what one person may not do alone.
    """

    names: dict[str, str]
    rules: dict[DocumentType, tuple[RuleLine, ...]]
    foreign: Foreign
    two_persons: TwoPersons


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid")

    debit: AccountCode | None = None
    credit: AccountCode | None = None
    amount: Amount

    @model_validator(mode="after")
    def _one_side(self) -> "_Line":
        if (self.debit is None) == (self.credit is None):
            raise ValueError("a rule's line debits or credits one account")
        return self


class _Foreign(BaseModel):
    model_config = ConfigDict(extra="forbid")

    books_currency: str
    rounding: AccountCode
    differences: AccountCode
    monetary: frozenset[AccountCode]


class _TwoPersons(BaseModel):
    model_config = ConfigDict(extra="forbid")

    above: dict[str, str]
    open_days: Annotated[int, Field(ge=1, le=365)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accounts: dict[AccountCode, AccountName]
    rules: dict[DocumentType, list[_Line]]
    foreign: _Foreign
    two_persons: _TwoPersons


def load_chart(path: Path = CHART_FILE) -> Chart:
    """Return the chart in ``path``.

    Raises:
        ValueError: the file is not a chart, names an unknown account, or has a rule that cannot
            balance (each rule has the total on one side, net and tax on the other).
    """
    content = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    rules = {kind: tuple(map(_rule_line, lines)) for kind, lines in content.rules.items()}
    for kind, lines in rules.items():
        unknown = {line.account for line in lines} - content.accounts.keys()
        if unknown:
            raise ValueError(f"rule {kind}: no account {min(unknown)}")
        signs = {line.amount: line.sign for line in lines}
        if len(lines) != len(signs) or signs.keys() != set(get_args(Amount)):
            raise ValueError(f"rule {kind}: needs {', '.join(get_args(Amount))} once each")
        if not signs["net"] == signs["tax"] == signs["rounding"] == -signs["total"]:
            raise ValueError(f"rule {kind}: all amounts must stand against the total")
    foreign = Foreign(**content.foreign.model_dump())
    used = {foreign.rounding, foreign.differences, *foreign.monetary}
    if unknown := used - content.accounts.keys():
        raise ValueError(f"foreign: no account {min(unknown)}")
    if scale_of(foreign.books_currency) is None:
        raise ValueError("foreign: books_currency is none of ISO 4217")
    above = {code: _limit(code, text) for code, text in content.two_persons.above.items()}
    return Chart(
        names=dict(content.accounts),
        rules=rules,
        foreign=foreign,
        two_persons=TwoPersons(above, content.two_persons.open_days),
    )


def _limit(currency: str, text: str) -> int:
    scale, amount = scale_of(currency), parse_decimal(text)
    if scale is None or amount is None or amount < 0:
        raise ValueError(f"two_persons: {currency} is no currency, or its limit no amount")
    try:
        return minor_units(amount, scale)
    except FinerPrecisionError:
        raise ValueError(f"two_persons: the limit of {currency} has too many digits") from None


def _rule_line(line: _Line) -> RuleLine:
    if line.debit is not None:
        return RuleLine(line.debit, line.amount, 1)
    assert line.credit is not None
    return RuleLine(line.credit, line.amount, -1)
