"""``docledger show``: a document's fields, their evidence, and its entry."""

import dataclasses
import json
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, status_text, table, to_stdout
from deploy.local.house import House
from deploy.local.line import fields_of, line_items_of
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from services.ingest.ports import RegisteredDocument
from services.ledger.money import as_decimal
from shared.events.results import FieldValue, LineItem, Summary


def show(data_dir: Path, typed: str, *, as_json: bool) -> int:
    """Show one document."""
    house = open_house(data_dir)
    document = find_document(house, typed)
    outcomes = Outcomes(house, document.tenant)
    summary = outcomes.summary(document)
    entry = outcomes.entry(document)
    status = document.status.value if document.status else f"in flight ({document.stage})"
    if as_json:
        row = {
            "document_id": document.document_id,
            "status": status,
            "reason": document.reason.value if document.reason else None,
            "erased": document.erased,
            "pages": document.pages,
            "document_type": summary.document_type.value if summary else None,
            "summary": summary.summary if summary else None,
            "fields": fields_of(summary) if summary else {},
            "line_items": line_items_of(summary) if summary else [],
            "entry": dataclasses.asdict(entry) if entry else None,
        }
        print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    console.print(safe(f"document  {document.document_id}  revision {document.revision}"))
    line = status_text(status)
    if document.reason:
        line.append(f" ({document.reason.value})")
    if document.erased:
        line.append(" erased")
    console.print(line)
    if summary:
        _show_summary(summary)
    _show_entries(house, document)
    return 0


def _show_summary(summary: Summary) -> None:
    console = to_stdout()
    console.print(safe(f"{summary.document_type.value} ({summary.type_confidence:.2f})"))
    console.print(safe(summary.summary))
    rows = [_field_row(name, value) for name, value in summary.fields.items()]
    console.print(table("\nFields", ("field", "value", ">confidence", "seen at", "as"), rows))
    if summary.line_items:
        items = [_item_row(item) for item in summary.line_items]
        console.print(
            table("\nLines", ("description", ">quantity", ">unit price", ">amount"), items)
        )


def _field_row(name: str, value: FieldValue) -> tuple[str, ...]:
    places, texts = [], []
    for seen in value.evidence:
        if seen.xpath:
            places.append(seen.xpath)
        elif seen.box and seen.page:
            box = ", ".join(f"{side:.3f}" for side in seen.box)
            places.append(f"page {seen.page} [{box}] {seen.engine}")
        texts.append(seen.text)
    return name, value.value, f"{value.confidence:.2f}", "\n".join(places), "\n".join(texts)


def _item_row(item: LineItem) -> tuple[str, ...]:
    parts = (item.description, item.quantity, item.unit_price, item.amount)
    return tuple(part.value if part else "" for part in parts)


def _show_entries(house: House, document: RegisteredDocument) -> None:
    ledger = house.ledger
    rows = []
    for booked in ledger.journal.history(document.tenant, document.document_id):
        entry = booked.entry
        place = "not sealed yet" if booked.index is None else str(booked.index)
        head = (place, entry.kind.value, str(entry.date or ""))
        rows.append((*head, entry.entry_id, "", ""))
        for posting in entry.postings:
            amount = as_decimal(posting.amount, posting.currency)
            name = ledger.chart.accounts[posting.account]
            rows.append(("", "", "", name, amount, posting.currency))
    columns = (">entry", "kind", "date", "account", ">amount", "currency")
    if rows:
        to_stdout().print(table("\nEntries", columns, rows))
