"""``docledger erase``: destroy what makes a document readable."""

from contextlib import suppress
from pathlib import Path

import typer

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, to_stderr, to_stdout
from deploy.local.drain import work_off
from deploy.local.house import House
from deploy.local.lookup import find_document
from deploy.local.outcomes import Attachment, Outcomes
from deploy.local.site import AlreadyRunsError
from services.ingest.eraser import Eraser
from services.ingest.registered import RegisteredDocument, Terminal
from shared.events.codec import from_structured
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.stages import Stage


def erase(data_dir: Path, typed: str, *, yes: bool) -> int:
    """Erase one document; every proof still verifies."""
    house = open_house(data_dir)
    document = find_document(house, typed)
    question = f"Destroy the key of {document.document_id}? Its content cannot be brought back."
    if not yes and not typer.confirm(question):
        to_stderr().print("nothing was erased")
        return 1
    attached = _attached(house, document)
    eraser = Eraser(
        objects=house.objects,
        keyring=house.keyring,
        register=house.register,
        tombstones=house.tombstones,
        publisher=house.publisher,
        clock=house.clock,
    )
    said: dict[SpanAttribute, object] = {
        SpanAttribute.STAGE: Stage.ERASER,
        SpanAttribute.JOB_ID: document.job_id,
        SpanAttribute.DOCUMENT_ID: document.document_id,
    }
    origin = from_structured(document.last_event).traceparent
    with house.tracing.span(SpanName.ERASE, parent=origin, attributes=said):
        erasure = eraser.erase(document)
    with suppress(AlreadyRunsError):  # who runs here books the erasure
        work_off(house, workers=1)
    console = to_stdout()
    console.print(safe(f"{erasure.document_id}: erased", style="green"))
    console.print(
        f"unreachable now: its key, and {len(erasure.removed)} sealed objects "
        f"(submissions: {erasure.submissions}); the same bytes are refused from now on"
    )
    console.print(
        safe(
            f"unrecoverable: now, unless a backup of {house.site.keys} made before "
            f"{house.clock.now():%Y-%m-%d %H:%M} UTC exists; then from the day it is destroyed"
        )
    )
    console.print("its entries stay in the log, and every proof still verifies")
    for one in attached:
        console.print(
            safe(f"its attachment {one.name} is a document of its own: {one.document_id or 'none'}")
        )
    return 0


def _attached(house: House, document: RegisteredDocument) -> list[Attachment]:
    if document.terminal is not Terminal.EXPANDED:
        return []
    return Outcomes(house, document.tenant).attachments(document.job_id)
