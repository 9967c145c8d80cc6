"""``docledger quarantine``: what a worker could not do, and doing it again."""

import json
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import SHORT_ID, safe, table, to_stdout
from deploy.local.drain import work_off
from deploy.local.house import House
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from deploy.local.site import AlreadyRunsError
from services.ingest.registered import RegisteredDocument
from shared.errors import UserError
from shared.telemetry.spans import Link, SpanAttribute, SpanName
from shared.telemetry.stages import Stage
from shared.worker.quarantine import QuarantineRecord

SHORTEST = 4


def show_all(data_dir: Path, *, as_json: bool) -> int:
    """List the records that wait for somebody."""
    house = open_house(data_dir)
    records = list(house.quarantine.list())
    if as_json:
        for name, record in records:
            row = {"record": name, **record.model_dump(mode="json", exclude={"event", "raw"})}
            print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    rows = [_row(house, record) for _, record in records]
    columns = ("!document", "!stage", "!reason", "!>attempts", "!since (UTC)", "?source")
    console = to_stdout()
    console.print(table("Quarantine", columns, rows))
    console.print()
    console.print(f"{len(rows)} in quarantine; after a fix: 'docledger quarantine replay DOCUMENT'")
    return 0


def show_one(data_dir: Path, typed: str) -> int:
    """Print every record about a document, whole."""
    house = open_house(data_dir)
    document_id = _find(house, typed)
    for name, record, replayed in house.quarantine.history(document_id):
        row = {"record": name, "replayed": replayed, **record.model_dump(mode="json")}
        print(json.dumps(row, indent=2))  # noqa: T201 - this is the output
    return 0


def replay(data_dir: Path, typed: str, *, workers: int) -> int:
    """Publish a document's quarantined events again and work until nothing waits."""
    house = open_house(data_dir)
    document_id = _find(house, typed)
    sent = 0
    for name, record in house.quarantine.list():
        if document_id not in (record.document_id, record.subject):
            continue
        event = house.quarantine.event_to_replay(name, keyring=house.keyring, at=house.clock.now())
        if event is None:
            continue
        said: dict[SpanAttribute, object] = {
            SpanAttribute.STAGE: Stage.CLI,
            SpanAttribute.JOB_ID: event.jobid,
            SpanAttribute.DOCUMENT_ID: document_id,
            SpanAttribute.REPLAY: event.replay,
            SpanAttribute.TOPIC: event.type,
            SpanAttribute.MESSAGE_ID: event.id,
        }
        with house.tracing.span(
            SpanName.REPLAY, parent=event.traceparent, attributes=said
        ) as replayed:
            replayed.link(record.gave_up_in or "", Link.GAVE_UP)
            house.publisher.publish([event])
        sent += 1
    if not sent:
        raise UserError("nothing of that document can be replayed; see 'docledger quarantine show'")
    try:
        work_off(house, workers=workers)
    except AlreadyRunsError:
        to_stdout().print(f"{document_id}: sent again; the docledger that runs there works on it")
        return 0
    document = house.register.document(record.tenant, document_id)
    status = document.status if document and document.status else "in flight"
    reason = f" ({document.reason})" if document and document.reason else ""
    to_stdout().print(safe(f"{document_id}: {status}{reason}"))
    return 0


def _find(house: House, typed: str) -> str:
    """Return whose records a person means; one that could not be decoded has no document."""
    found = {
        record.document_id
        for _, record, _ in house.quarantine.every()
        if len(typed) >= SHORTEST and record.document_id.startswith(typed.lower())
    }
    if len(found) > 1:
        raise UserError(f"{len(found)} quarantined documents' ids begin so; give more characters")
    document_id = found.pop() if found else find_document(house, typed).document_id
    if not house.quarantine.history(document_id):
        raise UserError(
            "that document is not in quarantine; 'docledger quarantine list' shows what is"
        )
    return document_id


def _row(house: House, record: QuarantineRecord) -> tuple[object, ...]:
    document = house.register.document(record.tenant, record.document_id)
    return (
        record.document_id[:SHORT_ID],
        record.stage,
        record.reason.value,
        record.attempts,
        f"{record.at:%F %T}",
        _source(house, document) if document else "",
    )


def _source(house: House, document: RegisteredDocument) -> str:
    return Outcomes(house, document.tenant).source(document) or ""
