"""The bundle of a closed period: whoever changes anything in it is found, with the public key."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import rfc8785

from services.ledger.adapters.bundle_files import opened_bundle, write_bundle
from services.ledger.bundles import NAMES, BundleError, Checked, check_bundle, files_of
from services.ledger.periods import Period, entry_line
from shared.tlog.note import VerifierKey
from tests.services.ledger.conftest import TENANT, House, a_summary, document

JANUARY, FEBRUARY = Period(2026, 1), Period(2026, 2)

Files = dict[str, bytes]


def made(house: House, period: Period) -> Files:
    """Return the files of a closed period's bundle."""
    [(booked, said)] = [one for one in house.periods.closed(TENANT) if one[1].period == period]
    assert booked.index is not None
    signed = next(
        one for one in house.journal.checkpoints(TENANT) if one.checkpoint.size > booked.index
    )
    log = house.publication(TENANT)
    entries = house.journal.dated(TENANT, said.since, period.last)
    proof = log.prove(booked.index, under=signed)
    files = files_of(said, booked, entries, signed=signed, proof=proof, keys=log.keys)
    return {name: b"".join(content) for name, content in files}


def checked(files: Files, key: VerifierKey, *, previous: Checked | None = None) -> Checked:
    """Check files as a verifier does."""

    def opened(name: str) -> Iterator[bytes]:
        for start in range(0, len(files[name]), 1000):
            yield files[name][start : start + 1000]

    return check_bundle(list(files), opened, key, previous=previous)


@pytest.fixture
def closed(memory_house: House) -> House:
    """A ledger with two closed months, and life after them."""
    house = memory_house
    house.clock.sleep((dt.datetime(2026, 3, 5, tzinfo=dt.UTC) - house.clock.now()).total_seconds())
    for number, date in enumerate(("2026-01-05", "2026-01-31", "2026-02-01", "2026-02-28")):
        summary = a_summary(invoice_date=date, invoice_id=f"N{number}")
        house.books(f"d{number}", summary)
    house.sequencer.step()
    for period in (JANUARY, FEBRUARY):
        house.periods.close(TENANT, period, actor=house.actor)
        house.sequencer.step()
    house.books("after", a_summary(invoice_date="2026-03-01", invoice_id="A"))
    house.desk.reverse(TENANT, document("d0"), actor=house.actor)
    house.sequencer.step()
    return house


def key_of(house: House) -> VerifierKey:
    """Return the log's public key."""
    return house.signer(TENANT).key


def test_a_bundle_verifies_with_the_public_key_alone(closed: House) -> None:
    """What a filing would submit needs nobody's word."""
    found = checked(made(closed, JANUARY), key_of(closed))
    assert (found.close.period, found.close.entries, found.index) == (JANUARY, 2, 4)
    then = checked(made(closed, FEBRUARY), key_of(closed), previous=found)
    assert then.close.previous == found.entry_id
    assert [one.balance for one in then.close.totals] == [7600, -47600, 40000]


def test_the_same_close_makes_the_same_bytes(closed: House) -> None:
    """Whenever it is exported: what was submitted can be made again and compared."""
    before = made(closed, JANUARY)
    closed.books("more", a_summary(invoice_date="2026-03-02", invoice_id="M"))
    closed.sequencer.step()
    assert made(closed, JANUARY) == before


Attack = Callable[[Files], None]


def repacked(files: Files) -> None:
    """Make the manifest again, as an attacker would."""
    manifest = json.loads(files["manifest.json"])
    manifest["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in files.items()
        if name != "manifest.json"
    }
    files["manifest.json"] = rfc8785.dumps(manifest)


def changed(name: str, old: bytes, new: bytes) -> Attack:
    """Return an attack that changes a file and the manifest with it."""

    def attack(files: Files) -> None:
        assert old in files[name]
        files[name] = files[name].replace(old, new, 1)
        repacked(files)

    return attack


def lines(change: Callable[[list[bytes]], list[bytes]]) -> Attack:
    """Return an attack on the lines of the entries."""

    def attack(files: Files) -> None:
        kept = change(files["entries.ndjson"].splitlines(keepends=True))
        files["entries.ndjson"] = b"".join(kept)
        repacked(files)

    return attack


def without(name: str) -> Attack:
    """Return an attack that takes a file away."""

    def attack(files: Files) -> None:
        del files[name]

    return attack


def a_file_more(files: Files) -> None:
    """Put something in that nobody sealed."""
    files["note.txt"] = b"pay this"
    repacked(files)


def bare_digest(files: Files) -> None:
    """Change a digest only."""
    files["manifest.json"] = files["manifest.json"].replace(b'"bytes":', b'"bytes": ', 1)


ATTACKS: dict[str, tuple[Attack, str]] = {
    "a digit of an entry": (
        changed("entries.ndjson", b'"amount":10000,', b'"amount":90000,'),
        "entries.ndjson",
    ),
    "both sides of an entry": (
        lines(
            lambda kept: [kept[0].replace(b"11900", b"11800").replace(b"10000", b"9900"), kept[1]]
        ),
        "entries.ndjson: not the entries",
    ),
    "an entry missing": (lines(lambda kept: kept[1:]), "entries.ndjson: not the entries"),
    "an entry twice": (lines(lambda kept: [kept[0], *kept]), "entries.ndjson: line 2"),
    "entries in another order": (lines(lambda kept: kept[::-1]), "entries.ndjson: line 2"),
    "an index": (lines(lambda kept: [kept[0].replace(b'"index":0', b'"index":1', 1)]), "entries"),
    "a space": (lines(lambda kept: [kept[0].replace(b":", b": ", 1), kept[1]]), "entries.ndjson"),
    "no line at all": (lines(lambda _kept: []), "entries.ndjson: not the entries"),
    "no JSON": (lines(lambda _kept: [b"[" * 5000 + b"\n"]), "entries.ndjson: line 1 is no entry"),
    "a line without end": (lines(lambda kept: [kept[0][:-1]]), "entries.ndjson: the last line"),
    "a very long line": (lines(lambda _kept: [b" " * 70_000]), "entries.ndjson: a line is too"),
    "a total of the close": (
        changed("close.json", b'"debit":"20000"', b'"debit":"30000"'),
        "close.tlog-proof: it does not prove",
    ),
    "a total of the trial balance": (
        changed("trial-balance.csv", b"200.00", b"300.00"),
        "trial-balance.csv",
    ),
    "the proof": (changed("close.tlog-proof", b"index 4", b"index 3"), "close.tlog-proof"),
    "the checkpoint": (changed("checkpoint", b"\n5\n", b"\n6\n"), "checkpoint: not the one"),
    "the key": (changed("log.vkey", b"+", b"+0"), "log.vkey"),
    "a digest": (bare_digest, "manifest.json"),
    "a file too much": (a_file_more, "a bundle has exactly"),
    "no trial balance": (without("trial-balance.csv"), "a bundle has exactly"),
    "no manifest": (without("manifest.json"), "a bundle has exactly"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_whoever_changes_anything_is_found(closed: House, attack: str) -> None:
    """Digests made again or not: the signature reaches every byte, and the file is named."""
    files = made(closed, JANUARY)
    change, told = ATTACKS[attack]
    change(files)
    with pytest.raises(BundleError, match=told):
        checked(files, key_of(closed))


@pytest.mark.parametrize("name", NAMES)
def test_every_flipped_byte_is_found(closed: House, name: str) -> None:
    """Wherever it is, without the manifest made again."""
    files = made(closed, JANUARY)
    for place in range(0, len(files[name]), max(1, len(files[name]) // 40)):
        hurt = bytearray(files[name])
        hurt[place] ^= 1
        with pytest.raises(BundleError, match=r"^[a-z]"):
            checked({**files, name: bytes(hurt)}, key_of(closed))


def test_another_logs_key_verifies_nothing(closed: House) -> None:
    """The key in the bundle is no proof: the verifier's own decides."""
    with pytest.raises(BundleError, match=r"close\.tlog-proof"):
        checked(made(closed, JANUARY), closed.signer("other").key)


def test_another_entry_is_no_close(closed: House) -> None:
    """An attacker has proofs of every leaf: only a close may stand where a close belongs."""
    files = made(closed, JANUARY)
    [booked] = closed.journal.history(TENANT, document("d1"))
    assert booked.index is not None
    files["close.json"] = booked.entry.leaf
    files["close.tlog-proof"] = closed.publication(TENANT).prove(booked.index).encode()
    files["checkpoint"] = files["close.tlog-proof"].partition(b"\n\n")[2]
    repacked(files)
    with pytest.raises(BundleError, match=r"close\.json: no close"):
        checked(files, key_of(closed))


def test_a_bundle_of_another_month_does_not_follow(closed: House) -> None:
    """A chain with a link left out, or turned round, is none."""
    second = checked(made(closed, FEBRUARY), key_of(closed))
    with pytest.raises(BundleError, match="does not follow"):
        checked(made(closed, JANUARY), key_of(closed), previous=second)


def test_an_entry_of_another_month_is_refused(closed: House) -> None:
    """Sealed, balanced, in order, and not of this period."""
    files = made(closed, JANUARY)
    [booked] = closed.journal.history(TENANT, document("d2"))
    files["entries.ndjson"] += entry_line(booked.index or 0, booked.entry.leaf)
    repacked(files)
    with pytest.raises(BundleError, match="line 3 is not of 2026-01"):
        checked(files, key_of(closed))


@pytest.mark.parametrize("name", ["bundle.zip", "bundle"])
def test_a_bundle_is_one_file_or_a_folder(closed: House, tmp_path: Path, name: str) -> None:
    """Written whole, never over something, and a ZIP file of the same bytes each time."""
    files = made(closed, JANUARY)
    written = []
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        target = tmp_path / place / name
        write_bundle(target, ((one, iter([content])) for one, content in files.items()))
        with opened_bundle(target) as (names, opened):
            assert check_bundle(names, opened, key_of(closed)).close.entries == 2
        with pytest.raises(FileExistsError):
            write_bundle(target, iter(()))
        assert [one.name for one in (tmp_path / place).iterdir()] == [name]
        written.append(target.read_bytes() if target.is_file() else None)
    assert written[0] == written[1]


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    """A cut download ends in a sentence."""
    path = tmp_path / "cut.zip"
    path.write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(BundleError, match="not a ZIP file"), opened_bundle(path):
        pass
