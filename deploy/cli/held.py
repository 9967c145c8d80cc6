"""``docledger held``: what a person decides."""

import datetime as dt
import json
import re
from pathlib import Path
from typing import Final

from deploy.cli.deciding import actor_of, decide, sealed
from deploy.cli.opened import open_desk
from deploy.cli.screen import SHORT_ID, table, to_stdout
from deploy.local.house import House
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from services.ledger.entries import Booked
from services.ledger.proposals import Action, Ask, Corrections
from shared.errors import UserError
from shared.events.payloads import DocumentType

AMOUNT: Final = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?", re.ASCII)
CURRENCY: Final = re.compile(r"[A-Za-z]{3}", re.ASCII)


def show_held(data_dir: Path, *, as_json: bool) -> int:
    """List the holds that nobody has posted or voided, oldest first."""
    house = open_desk(data_dir)
    rows = [_row(house, booked) for booked in house.ledger.desk.held(house.tenant)]
    if as_json:
        for row in rows:
            print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    columns = ("!document", "!reason", "?!type", "supplier", "?!invoice", "!date", "!>total")
    cells = [
        (
            (row["document_id"] or "")[:SHORT_ID],
            row["reason"] or "",
            row["document_type"] or "",
            row["supplier_name"] or "",
            row["invoice_id"] or "",
            row["invoice_date"] or "",
            " ".join(filter(None, (row["total_amount"], row["currency"]))),
        )
        for row in rows
    ]
    console.print(table("Held", columns, cells))
    console.print()
    console.print(
        f"{len(rows)} held; decide each with 'docledger held post DOCUMENT [--total …]' "
        "or 'docledger held void DOCUMENT'"
    )
    return 0


def corrections(  # noqa: PLR0913 - one argument a correction
    *,
    type_: str | None,
    date: str | None,
    currency: str | None,
    net: str | None,
    tax: str | None,
    total: str | None,
) -> Corrections:
    """Return what a person typed, checked.

    Raises:
        UserError: the type, the date, the currency or an amount is none.
    """
    for option, amount in (("--net", net), ("--tax", tax), ("--total", total)):
        if amount is not None and not AMOUNT.fullmatch(amount):
            raise UserError(f"give {option} as digits with a point, as in 1234.50")
    if currency is not None and not CURRENCY.fullmatch(currency):
        raise UserError("give --currency as three letters (ISO 4217), as in EUR")
    try:
        return Corrections(
            document_type=DocumentType(type_) if type_ else None,
            invoice_date=dt.date.fromisoformat(date) if date else None,
            currency=currency.upper() if currency else None,
            net_amount=net,
            total_tax_amount=tax,
            total_amount=total,
        )
    except ValueError:
        types = ", ".join(kind.value for kind in DocumentType)
        raise UserError(f"give --date as YYYY-MM-DD and --type as one of {types}") from None


def post(data_dir: Path, typed: str, how: Corrections, by: str | None) -> int:
    """Post a held document by hand."""
    return decide(data_dir, typed, by, lambda its: Ask(Action.POST, its, how))


def reverse(data_dir: Path, typed: str, by: str | None) -> int:
    """Take a post back."""
    return decide(data_dir, typed, by, lambda its: Ask(Action.REVERSE, its))


def void(data_dir: Path, typed: str, by: str | None) -> int:
    """End a hold without posting."""
    house = open_desk(data_dir)
    document = find_document(house, typed)
    actor = actor_of(house, by)
    entry = house.ledger.desk.void(document.tenant, document.document_id, actor=actor)
    return sealed(house, entry)


def _row(house: House, booked: Booked) -> dict[str, str | None]:
    entry = booked.entry
    document = house.register.document(entry.tenant, entry.document_id)
    summary = Outcomes(house, entry.tenant).summary(document) if document else None
    fields = summary.fields if summary else {}
    row: dict[str, str | None] = {
        "document_id": entry.document_id,
        "reason": entry.reason.value if entry.reason else None,
        "document_type": entry.document_type.value if entry.document_type else None,
    }
    for name in ("supplier_name", "invoice_id", "invoice_date", "total_amount", "currency"):
        value = fields.get(name)
        row[name] = value.value if value else None
    return row
