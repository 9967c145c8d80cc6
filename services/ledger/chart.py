"""The chart of accounts and the posting rules, read from ``chart.yaml``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

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
class Chart:
    """Accounts by code, and for each document type that posts, its postings.

    Attributes:
        names: account code to the name that exports show.
        rules: what a document type posts; a type that is absent becomes a memo entry.
    """

    names: dict[str, str]
    rules: dict[DocumentType, tuple[RuleLine, ...]]


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


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    accounts: dict[AccountCode, AccountName]
    rules: dict[DocumentType, list[_Line]]


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
    return Chart(names=dict(content.accounts), rules=rules)


def _rule_line(line: _Line) -> RuleLine:
    if line.debit is not None:
        return RuleLine(line.debit, line.amount, 1)
    assert line.credit is not None
    return RuleLine(line.credit, line.amount, -1)
