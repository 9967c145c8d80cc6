"""``docledger retention``: erase what is older than the policy keeps it."""

import json
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import table, to_stdout
from deploy.erasing import erasing_of
from deploy.local.keeper import keep_now
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.policy import Policy
from services.ingest.retention import Retained, Retention
from shared.errors import UserError


def retention(data_dir: Path, policy: Path | None, *, dry: bool, as_json: bool) -> int:
    """Apply the retention policy once."""
    house = open_house(data_dir)
    source = ErasureSettings.from_environment().policy if policy is None else str(policy)
    if source is None:
        raise UserError(
            "no retention policy, so everything is kept: name one with --policy or "
            "DOCLEDGER_ERASURE_POLICY"
        )
    rules = Policy.read(source)
    done = Retention(
        register=house.register,
        erasing=erasing_of(house, policy=rules),
        policy=rules,
        clock=house.clock,
    ).run(dry=dry)
    if not dry:
        keep_now(house)
    if as_json:
        for row in _rows(done):
            print(json.dumps(row))  # noqa: T201 - the output
    else:
        _show(done, dry=dry)
    return 0


def _rows(done: Retained) -> list[dict[str, str | int]]:
    rows: list[dict[str, str | int]] = [
        {"fate": fate.value, "tenant": tenant, "kind": kind, "documents": count}
        for (fate, tenant, kind), count in sorted(done.due.items())
    ]
    if done.finished:
        rows.append({"fate": "finished", "tenant": "", "kind": "", "documents": done.finished})
    return rows


def _show(done: Retained, *, dry: bool) -> None:
    console = to_stdout()
    rows = _rows(done)
    if not rows:
        console.print("nothing is older than its policy keeps it")
        return
    columns = ("!would be" if dry else "!fate", "!tenant", "!kind", "!>documents")
    console.print(table("", columns, [tuple(row.values()) for row in rows]))
