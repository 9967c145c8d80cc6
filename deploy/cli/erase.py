"""``docledger erase``: destroy what makes a document readable."""

from pathlib import Path

import typer

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, to_stdout
from deploy.local.house import House
from deploy.local.keeper import keep_now
from deploy.local.lookup import find_document
from deploy.local.outcomes import Outcomes
from services.ingest.eraser import Eraser
from services.ingest.ports import RegisteredDocument, Terminal


def erase(data_dir: Path, typed: str, *, yes: bool) -> int:
    """Erase one document; every proof still verifies."""
    house = open_house(data_dir)
    document = find_document(house, typed)
    question = f"Destroy the key of {document.document_id}? Its content cannot be brought back."
    if not yes and not typer.confirm(question):
        return 1
    attached = _attached(house, document)
    eraser = Eraser(
        objects=house.objects,
        keyring=house.keyring,
        register=house.register,
        tombstones=house.tombstones,
        publisher=house.bus,
        clock=house.clock,
    )
    erasure = eraser.erase(document)
    keep_now(house)
    console = to_stdout()
    console.print(safe(f"{erasure.document_id}: erased", style="green"))
    console.print(
        f"unreachable now: its key, and {len(erasure.removed)} sealed objects of "
        f"{erasure.submissions} submissions; the same bytes are refused from now on"
    )
    console.print(
        safe(
            f"unrecoverable: now, unless a backup of {house.site.keys} made before "
            f"{house.clock.now():%Y-%m-%d %H:%M} UTC exists; then from the day it is destroyed"
        )
    )
    console.print("its entries stay in the log, and every proof still verifies")
    for job_id in attached:
        console.print(safe(f"an attachment is a document of its own: submission {job_id}"))
    return 0


def _attached(house: House, document: RegisteredDocument) -> list[str]:
    if document.terminal is not Terminal.EXPANDED:
        return []
    outcomes = Outcomes(house, document.tenant)
    return [one.job_id for one in outcomes.attachments(document.job_id)]
