"""``docledger show``: a document's fields, their evidence, and its entry."""

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rich.table import Table
from rich.text import Text

from deploy.cli.opened import open_desk
from deploy.cli.screen import safe, status_text, table, to_stdout
from deploy.local.house import House
from deploy.local.line import fields_of, line_items_of
from deploy.local.lookup import find_document
from deploy.local.outcomes import Attachment, Outcomes
from services.ingest.registered import RegisteredDocument
from services.ledger.money import as_decimal
from shared.events.results import Evidence, FieldValue, LineItem, Speaker, Summary

_STEP: Final = re.compile(r"\*\[local-name\(\)='(\w+)'\]")


def show(data_dir: Path, typed: str, *, as_json: bool) -> int:
    """Show one document."""
    house = open_desk(data_dir)
    document = find_document(house, typed)
    outcomes = Outcomes(house, document.tenant)
    summary = outcomes.summary(document)
    source = outcomes.source(document)
    attachments = outcomes.attachments(document.job_id)
    status = document.status.value if document.status else f"in flight ({document.stage})"
    if as_json:
        entry = outcomes.entry(document)
        row = {
            "source": source,
            "document_id": document.document_id,
            "revision": document.revision,
            "status": status,
            "reason": document.reason.value if document.reason else None,
            "erased": document.erased,
            "pages": document.pages,
            "attachments": [one.document_id for one in attachments],
            "document_type": summary.document_type.value if summary else None,
            "summary": summary.summary if summary else None,
            "speaker": summary.speaker.model_dump(mode="json") if summary else None,
            "fields": fields_of(summary) if summary else {},
            "line_items": line_items_of(summary) if summary else [],
            "entry": dataclasses.asdict(entry) if entry else None,
        }
        print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    console.print(safe(f"document  {document.document_id}  revision {document.revision}"))
    if source:
        console.print(safe(f"source    {source}"))
    line = Text("status    ").append(status_text(status))
    if document.reason:
        line.append(f" ({document.reason.value})")
    if document.erased:
        line.append(", erased: its content is gone for good")
    console.print(line)
    if summary:
        _show_summary(summary)
    _show_attachments(attachments)
    _show_entries(house, document)
    return 0


def _show_summary(summary: Summary) -> None:
    console = to_stdout()
    console.print(safe(f"type      {summary.document_type.value} ({summary.type_confidence:.2f})"))
    console.print(safe(f"summary   {summary.summary}"))
    told = speaker_told(summary.speaker)
    if told:
        console.print(safe(f"read by   {told}"))
    if summary.fields:
        fields = Table(title="\nFields", title_justify="left", box=None, pad_edge=False)
        fields.add_column("field", no_wrap=True)
        fields.add_column("value, and where it was seen", overflow="fold")
        fields.add_column("confidence", justify="right", no_wrap=True)
        for name, value in summary.fields.items():
            fields.add_row(name, _value_and_evidence(value), f"{value.confidence:.2f}")
        console.print(fields)
    if summary.line_items:
        items = [_item_row(item) for item in summary.line_items]
        columns = ("description", "!>quantity", "!>unit price", "!>amount", "!seen at")
        console.print(table("\nLines", columns, items))


def speaker_told(speaker: Speaker) -> str:
    """Return who spoke besides the rules, or why nobody did; empty where nobody was to."""
    if speaker.instead is not None:
        return f"rules alone ({speaker.instead.value})"
    return f"rules and {speaker.model}" if speaker.model else ""


def _value_and_evidence(value: FieldValue) -> Text:
    told = safe(value.value)
    for seen in value.evidence:
        told.append("\n")
        told.append(safe(f'{place_of(seen)} {seen.engine} "{seen.text}"', style="dim"))
    return told


def place_of(seen: Evidence) -> str:
    """Return where a value was seen: an XPath, or a page and a box in fractions of it.

    The XPath is shortened to be read by people; the JSON has the one that finds it.
    """
    if seen.xpath:
        return _STEP.sub(r"\1", seen.xpath)
    if seen.box is None:
        return f"page {seen.page}"
    return f"page {seen.page} [{' '.join(f'{side:.3f}' for side in seen.box)}]"


def _item_row(item: LineItem) -> tuple[str, ...]:
    parts = (item.description, item.quantity, item.unit_price, item.amount)
    return (*(part.value if part else "" for part in parts), next(_pages(item), ""))


def _pages(item: LineItem) -> Iterator[str]:
    """Yield where a line stands: its first box is enough for a person to find it."""
    for part in (item.amount, item.description, item.unit_price, item.quantity):
        for seen in part.evidence if part else ():
            if seen.page is not None and seen.box is not None:
                yield f"page {seen.page}, {seen.box[1]:.0%} down"
            elif seen.xpath:
                yield "XML"


def _show_attachments(attachments: list[Attachment]) -> None:
    if attachments:
        rows = [(one.document_id or "not taken in", one.name) for one in attachments]
        to_stdout().print(table("\nAttachments", ("!document", "name"), rows))


def _show_entries(house: House, document: RegisteredDocument) -> None:
    ledger = house.ledger
    rows = []
    for booked in ledger.journal.history(document.tenant, document.document_id):
        entry = booked.entry
        place = "not sealed yet" if booked.index is None else str(booked.index)
        reason = f" ({entry.reason.value})" if entry.reason else ""
        rows.append(
            (place, f"{entry.kind.value}{reason}", entry.date or "", entry.entry_id, "", "")
        )
        for posting in entry.postings:
            amount = as_decimal(posting.amount, posting.currency)
            name = ledger.chart.names.get(posting.account, posting.account)
            rows.append(("", "", "", name, amount, posting.currency))
    columns = ("!>entry", "kind", "!date", "id, accounts", "!>amount", "!currency")
    if rows:
        to_stdout().print(table("\nEntries", columns, rows))
