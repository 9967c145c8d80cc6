"""``docledger keys``: the keys that sign the logs, and the KEK that wraps all others."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import safe, table, to_stderr, to_stdout
from deploy.local.house import House
from services.ledger.adapters.signing import Signing
from services.ledger.adapters.signing_keys import GONE
from services.ledger.publication import StaleLogError
from services.ledger.rotation import Rotation
from shared.errors import TransientError, UserError
from shared.keys.rewrap import Standing, destroy_older, standing
from shared.keys.rewrap import rewrap as rewrap_keys
from shared.tlog.errors import TlogError
from shared.tlog.key_history import Closing, KeyHistory, KeyPeriod
from shared.tlog.note import VerifierKey

_EVERY: int = 500


def show(data_dir: Path, *, as_json: bool) -> int:
    """Show the keys of every log and the versions of the KEK; return the exit code."""
    house = open_house(data_dir)
    signing = house.signing
    with _told():
        logs = [
            (tenant, period, signing.keys(tenant).place(period.key))
            for tenant in _tenants(house)
            for period in _periods(signing, tenant)
        ]
        now = standing(house.keyring)
    if as_json:
        _show_json(logs, now)
        return _strange(logs)
    rows = [
        (tenant, period.key.key_id.hex(), period.start, _end(period), period.why or "open", place)
        for tenant, period, place in logs
    ]
    console = to_stdout()
    console.print(
        table("", ("log", "!key", ">from size", ">to size", "state", "?private key"), rows)
    )
    for tenant, period, place in logs:
        if period.end is None and place != GONE:
            console.print(safe(str(period.key)))
        elif period.end is None:  # the history lies where the log does, and says whatever it likes
            line = f"{tenant}: do not believe the published key {period.key.key_id.hex()}: its"
            told = f"{line} private key is nowhere, so it was lost or is not ours"
            to_stderr().print(safe(told, style="bold red"))
    console.print()
    counted = sorted(now.wrapped.items())
    console.print(table("", ("KEK version", ">wraps keys", "state"), _versions(counted, now)))
    if now.remaining:
        console.print(safe(_remaining(now), style="yellow"))
    return _strange(logs)


def rotate(data_dir: Path, tenant: str | None) -> int:
    """Let a new key join a log's."""
    house = open_house(data_dir)
    tenant = _tenant(house, tenant)
    with _told():
        history = rotation_of(house, tenant).rotate()
    old, new = history.open
    console = to_stdout()
    console.print(safe(f"{tenant}: {new.key_id.hex()} joins at size {history.periods[-1].start}"))
    console.print(safe(f"public key, for auditors: {new}"))
    console.print(
        "every checkpoint carries both signatures now; when all verifiers have the new key: "
        f"docledger keys close {old.key_id.hex()}; to take it back: docledger keys rollback"
    )
    return 0


def rollback(data_dir: Path, tenant: str | None) -> int:
    """Take back a rotation during its overlap."""
    return _closed(data_dir, tenant, lambda rotation: rotation.rollback())


def close(
    data_dir: Path, tenant: str | None, key: str, *, at: int | None, compromised: bool
) -> int:
    """End a key at a tree size."""
    why = Closing.COMPROMISED if compromised else Closing.RETIRED

    def closing(rotation: Rotation) -> KeyHistory:
        # What was broken off is completed before a key that is closed already is refused.
        return rotation.close(_key(rotation.settle(), key), why=why, size=at)

    return _closed(data_dir, tenant, closing)


def rewrap(data_dir: Path, *, renew: bool, destroy_old: bool) -> int:
    """Wrap every key under the newest KEK version; return 1 if one cannot be."""
    house = open_house(data_dir)
    keyring = house.keyring
    before = standing(keyring)
    if renew and not before.remaining:
        to_stderr().print(safe(f"new KEK version: {keyring.kek.renew()}"))
        before = standing(keyring)

    def told(done: int) -> None:
        if done % _EVERY == 0:
            to_stderr().print(f"{done} of {before.remaining} keys wrapped")

    done = rewrap_keys(keyring, on_progress=told)
    now = standing(keyring)
    console = to_stdout()
    console.print(safe(f"{done} keys wrapped by {now.newest}; {now.remaining} remain"))
    if now.remaining:
        to_stderr().print(safe(_remaining(now), style="bold red"))
        return 1
    if destroy_old:
        for label in destroy_older(keyring):
            console.print(safe(f"destroyed: {label}"))
    return 0


def rotation_of(house: House, tenant: str) -> Rotation:
    """Return what a person may do with the keys of a tenant's log."""
    signing = house.signing
    return Rotation(
        keys=signing.keys(tenant),
        records=signing.history(tenant),
        files=signing.files(tenant),
        decided=house.ledger.journal.intents(tenant).get,
    )


def _closed(data_dir: Path, tenant: str | None, work: Callable[[Rotation], KeyHistory]) -> int:
    house = open_house(data_dir)
    tenant = _tenant(house, tenant)
    with _told():
        rotation = rotation_of(house, tenant)
        earlier = rotation.history().open
        history = work(rotation)
    for period in history.periods:
        if period.key in earlier and period.end is not None:
            line = f"{tenant}: {period.key.key_id.hex()} is closed at size {period.end}"
            to_stdout().print(safe(f"{line} ({period.why})"))
            if period.why is Closing.COMPROMISED:
                to_stdout().print("tell auditors by another way which key stays: see keys show")
    return 0


def _tenants(house: House) -> list[str]:
    return [tenant for tenant in house.ledger.journal.tenants() if house.signing.has_log(tenant)]


def _tenant(house: House, tenant: str | None) -> str:
    there = _tenants(house)
    if tenant is None and len(there) == 1:
        return there[0]
    if tenant is None or tenant not in there:
        raise UserError(f"name one of the logs with --tenant: {', '.join(there) or 'none yet'}")
    return tenant


def _strange(logs: list[tuple[str, KeyPeriod, str]]) -> int:
    """Return 1 where an open key's private key is nowhere."""
    return int(any(period.end is None and place == GONE for _, period, place in logs))


def _periods(signing: Signing, tenant: str) -> tuple[KeyPeriod, ...]:
    history = signing.history(tenant).read()
    if history is not None:
        return history.periods
    return (KeyPeriod(signing.only(tenant).key, 0),)


def _key(history: KeyHistory, typed: str) -> VerifierKey:
    found = [key for key in history.open if key.key_id.hex() == typed.lower()]
    if not found:
        raise UserError(f"{typed} is no key that is open; see 'docledger keys show'")
    return found[0]


def _end(period: KeyPeriod) -> object:
    return "" if period.end is None else period.end


def _versions(counted: list[tuple[str, int]], now: Standing) -> Iterator[tuple[object, ...]]:
    for label, count in counted:
        state = "newest" if label == now.newest else "needed" if count else "can be destroyed"
        yield label, count, state


def _remaining(now: Standing) -> str:
    damaged = f" ({now.damaged} of them are damaged)" if now.damaged else ""
    return f"{now.remaining} keys are not wrapped by the newest version{damaged}: keys rewrap"


def _show_json(logs: list[tuple[str, KeyPeriod, str]], now: Standing) -> None:
    rows: list[dict[str, object]] = [
        {
            "log": tenant,
            "key": period.key.key_id.hex(),
            "vkey": str(period.key),
            "from": period.start,
            "to": period.end,
            "why": period.why,
            "private_key": place,
        }
        for tenant, period, place in logs
    ]
    rows += [
        {"kek": label, "wraps": count, "newest": label == now.newest}
        for label, count in sorted(now.wrapped.items())
    ]
    rows.append({"remaining": now.remaining, "damaged": now.damaged})
    for row in rows:
        print(json.dumps(row))  # noqa: T201 - a command's output


@contextmanager
def _told() -> Iterator[None]:
    """Say in one line what is wrong with a log's keys."""
    try:
        yield
    except (TlogError, StaleLogError) as err:
        raise TransientError(f"the log's keys need a look: {err}") from err
