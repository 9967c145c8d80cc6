"""``docledger period``: closing months, and the bundles of closed ones."""

import json
from pathlib import Path

from deploy.cli.deciding import actor_of, sealed
from deploy.cli.log_source import read_key
from deploy.cli.opened import open_desk
from deploy.cli.screen import safe, table, to_stderr, to_stdout
from deploy.local.files import printable
from deploy.local.house import House
from deploy.local.keeper import keep_now
from services.ledger.adapters.bundle_files import opened_bundle, write_bundle
from services.ledger.bundles import BundleError, Checked, check_bundle, files_of
from services.ledger.entries import Booked
from services.ledger.money import as_decimal
from services.ledger.periods import Close, Period
from shared.errors import UserError
from shared.tlog.checkpoint import SignedCheckpoint


def close(data_dir: Path, month: str, by: str | None, *, with_open_holds: bool) -> int:
    """Close a month."""
    house = open_desk(data_dir)
    period = _period(month)
    keep_now(house)  # what is booked gets its place in the log first
    entry = house.ledger.periods.close(
        house.tenant, period, actor=actor_of(house, by), with_open_holds=with_open_holds
    )
    return sealed(house, entry)


def show(data_dir: Path, *, as_json: bool) -> int:
    """List the closed months with their turnover."""
    house = open_desk(data_dir)
    found = house.ledger.periods.closed(house.tenant)
    if as_json:
        for booked, said in found:
            row = {"index": booked.index, "entry_id": booked.entry.entry_id}
            told = json.loads(said.particulars())["period"]
            print(json.dumps(row | told | {"actor": booked.entry.actor}))  # noqa: T201 - output
        return 0
    columns = ("!month", "!>index", "!>entries", "!>turnover", "!>held", "entry")
    cells = [
        (
            *(str(said.period), "" if booked.index is None else booked.index, said.entries),
            *(_turnover(said), said.open_holds, booked.entry.entry_id),
        )
        for booked, said in found
    ]
    to_stdout().print(table("Closed periods", columns, cells))
    return 0


def export(data_dir: Path, month: str, to: Path) -> int:
    """Write the bundle of a closed month."""
    house = open_desk(data_dir)
    ledger, period = house.ledger, _period(month)
    keep_now(house)
    booked, said = _closed(house, period)
    signed = _covering(house, booked)
    log = ledger.log_of(house.tenant)
    proof = log.prove(booked.index or 0, under=signed)
    entries = ledger.journal.dated(house.tenant, said.since, period.last)
    files = files_of(said, booked, entries, signed=signed, proof=proof, keys=log.keys)
    try:
        write_bundle(to, files)
    except FileExistsError:
        raise UserError(f"{printable(to)} is there already: name another file") from None
    to_stdout().print(safe(f"{to}: {period}, {said.entries} entries, sealed as {booked.index}"))
    return 0


def verify(bundles: list[Path], key: str, *, as_json: bool) -> int:
    """Check bundles, each as the one that follows the bundle before it."""
    known = read_key(key)
    previous: Checked | None = None
    for path in bundles:
        try:
            with opened_bundle(path) as (names, opened):
                previous = check_bundle(names, opened, known, previous=previous)
        except FileNotFoundError:
            raise UserError(f"there is no {printable(path)}") from None
        except BundleError as error:
            to_stderr().print(safe(f"{path}: NOT VERIFIED: {error}", style="bold red"))
            return 1
        _tell(path, previous, as_json=as_json)
    return 0


def _tell(path: Path, checked: Checked, *, as_json: bool) -> None:
    said = checked.close
    if as_json:
        row = {
            "bundle": str(path),
            "origin": checked.origin,
            "index": checked.index,
            "tree_size": checked.size,
            "entry_id": checked.entry_id,
        }
        print(json.dumps(row | json.loads(said.particulars())["period"]))  # noqa: T201 - output
        return
    after = f"after close {said.previous}" if said.previous else "the first close"
    line = (
        f"{path}: verified: {said.period} of {checked.origin}, {said.entries} entries, "
        f"{_turnover(said) or 'no turnover'}, entry {checked.index} of the log, {after}"
    )
    to_stdout().print(safe(line, style="green"))


def _period(month: str) -> Period:
    try:
        return Period.parse(month)
    except ValueError as err:
        raise UserError(str(err)) from None


def _closed(house: House, period: Period) -> tuple[Booked, Close]:
    for booked, said in house.ledger.periods.closed(house.tenant):
        if said.period == period:
            return booked, said
    raise UserError(f"{period} is not closed; see 'docledger period list'")


def _covering(house: House, booked: Booked) -> SignedCheckpoint:
    """Return the first checkpoint that covers an entry: the same one, whenever it is asked."""
    for signed in house.ledger.journal.checkpoints(house.tenant):
        if booked.index is not None and signed.checkpoint.size > booked.index:
            return signed
    raise UserError("the close is not sealed yet: try again in a moment")


def _turnover(said: Close) -> str:
    sums: dict[str, int] = {}
    for one in said.totals:
        sums[one.currency] = sums.get(one.currency, 0) + one.debit
    return ", ".join(f"{as_decimal(sums[code], code)} {code}" for code in sorted(sums))
