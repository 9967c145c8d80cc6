"""``docledger erase``: destroy what makes a document readable, and prove it."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import typer

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, to_stderr, to_stdout
from deploy.erasing import erasing_of
from deploy.local.drain import work_off
from deploy.local.erased import PROJECT_WAIT_S, WAIT_S, ErasureReport, Why, report
from deploy.local.house import House
from deploy.local.lookup import find_document
from deploy.local.site import AlreadyRunsError
from services.ingest.erasing import Erasing, Family
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.policy import CALLED, Policy
from services.ingest.registered import RegisteredDocument
from services.ingest.stated import named
from shared.errors import UserError
from shared.events.codec import from_structured
from shared.telemetry.spans import SpanAttribute, SpanName
from shared.telemetry.stages import Stage


def erase(data_dir: Path, typed: str, *, yes: bool, as_json: bool) -> int:
    """Erase one document with what belongs to it; return 1 where the proof has a gap."""
    house = open_house(data_dir)
    settings = ErasureSettings.from_environment()
    policy = Policy.read(settings.policy)
    document = find_document(house, typed)
    erasing = erasing_of(house, policy=policy)
    if erasing.must_stay(document):
        where = named(settings.policy or "", CALLED)
        raise UserError(
            f"{document.document_id} must stay: it, or an e-mail that carried it, is under 'hold' "
            f"in {where}"
        )
    if not yes and not typer.confirm(_question(erasing.family(document))):
        to_stderr().print("nothing was erased")
        return 1
    reports = _erased(house, erasing, document, settings)
    for one in reports:
        if as_json:
            print(json.dumps(dataclasses.asdict(one), default=datetime.isoformat))  # noqa: T201 - the output
        else:
            _show(house, one)
    return 0 if all(one.proven for one in reports) else 1


def _question(family: Family) -> str:
    parts = f" and of {len(family.parts)} attachments of it" if family.parts else ""
    return (
        f"Destroy the key of {family.head.document_id}{parts}? The content cannot be brought back."
    )


def _erased(
    house: House, erasing: Erasing, document: RegisteredDocument, settings: ErasureSettings
) -> list[ErasureReport]:
    with ExitStack() as spans:
        for one in (document, *erasing.family(document).parts):
            spans.enter_context(
                house.tracing.span(
                    SpanName.ERASE,
                    parent=from_structured(one.last_event).traceparent,
                    attributes={
                        SpanAttribute.STAGE: Stage.ERASER,
                        SpanAttribute.JOB_ID: one.job_id,
                        SpanAttribute.DOCUMENT_ID: one.document_id,
                    },
                )
            )
        family, done = erasing.erase(document)
    with suppress(AlreadyRunsError):  # who runs here books the erasure
        work_off(house, workers=1)
    until = house.clock.monotonic() + (WAIT_S if house.project is None else PROJECT_WAIT_S)
    kept = {why.value: count for why, count in family.kept.items()}
    return [
        report(*(house, one), kept=kept if one is done[0] else {}, settings=settings, until=until)
        for one in done
    ]


def _show(house: House, told: ErasureReport) -> None:
    console = to_stdout()
    console.print(safe(f"{told.document_id}: erased", style="green"))
    for line in _lines(house, told):
        console.print(safe(f"  {line}"))


def _lines(house: House, told: ErasureReport) -> Iterator[str]:
    removed = ", ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in told.removed.items())
    yield (
        f"unreachable now: its key, and its sealed objects ({removed or 'none were left'}); "
        f"submissions: {told.submissions}; the same bytes are refused from now on"
    )
    if told.generations:
        yield f"earlier generations removed: {told.generations}"
    since = f"{told.unreachable_since:%Y-%m-%d %H:%M} UTC"
    if told.because is Why.BUCKET_UNKNOWN:
        yield "unrecoverable: the bucket does not say how long it keeps what is deleted"
    elif told.unrecoverable_from is None:
        keys = house.site.keys if house.project is None else "the wrapped keys"
        yield (
            f"unrecoverable: now, unless a backup of {keys} made before {since} exists; "
            "then from the day it is destroyed (DOCLEDGER_ERASURE_BACKUP_DAYS says when that is)"
        )
    else:
        yield (
            f"unrecoverable: from {told.unrecoverable_from:%Y-%m-%d %H:%M} UTC on "
            f"({told.because.value.replace('_', ' ')})"
        )
    yield _books(told)
    yield from _family(told.kept, told.carried_by)
    if not told.key_gone:
        yield "BUT its key is there again: something restored it; erase it again"


def _books(told: ErasureReport) -> str:
    broken = [str(one.index) for one in told.earlier if not one.verifies]
    if broken:
        return (
            f"BUT the proofs of entries {', '.join(broken)} do not verify: see 'docledger verify'"
        )
    if told.erasure is not None:
        proofs = "every proof still verifies" if told.erasure.verifies else "its proof is not made"
        return (
            f"its entries stay in the log; entry {told.erasure.index} says it is erased; {proofs}"
        )
    if told.pending:
        return "its entries stay in the log; the one that says it is erased is not sealed yet"
    return "the books never heard of it"


def _family(kept: Mapping[str, int], carried_by: Sequence[str]) -> Iterator[str]:
    for why, count in kept.items():
        yield f"attachments that stay, {why.replace('_', ' ')}: {count}"
    for email in carried_by:
        yield f"its bytes are in an e-mail that lives, too: {email}"
