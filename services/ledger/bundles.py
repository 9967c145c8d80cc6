"""A closed period as files that anyone can check offline: what a filing would submit.

``entries.ndjson`` has every entry of the period with its log index, ``close.json`` the leaf of the
close, ``trial-balance.csv`` its figures, ``close.tlog-proof`` the proof that the log has that leaf,
under ``checkpoint``, signed by a key of ``log.vkey``; ``manifest.json`` the SHA-256 of each. The
checkpoint's signature holds it all: the proof leads to the close, and the close has the digest of
the entries. The same close makes the same bytes, whenever it is exported.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import rfc8785

from services.ledger.entries import Booked, Posting, unbalanced
from services.ledger.leaf import LEAF_BYTES_MOST, particulars_in, read_leaf
from services.ledger.money import as_decimal
from services.ledger.periods import Close, Tally, Total, entry_line
from shared.events.payloads import EntryKind
from shared.tlog.checkpoint import LogKeys, SignedCheckpoint
from shared.tlog.errors import TlogError
from shared.tlog.proof import Proof, verify_proof

FORMAT: Final = "docledger.period.v1"

ENTRIES: Final = "entries.ndjson"
CLOSE: Final = "close.json"
BALANCE: Final = "trial-balance.csv"
PROOF: Final = "close.tlog-proof"
CHECKPOINT: Final = "checkpoint"
KEYS: Final = "log.vkey"
MANIFEST: Final = "manifest.json"

NAMES: Final = (ENTRIES, BALANCE, CLOSE, PROOF, CHECKPOINT, KEYS, MANIFEST)

_LINE_MOST: Final = LEAF_BYTES_MOST + 64
_FILE_MOST: Final = 1_000_000
"""No file but the entries is larger."""

Opener = Callable[[str], Iterable[bytes]]
"""Streams a file of the bundle by name; ``FileNotFoundError`` where it has none."""


class BundleError(Exception):
    """The bundle is not what it claims; the message names the file."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a bundle proves.

    Attributes:
        close: the figures.
        entry_id: of the close.
        index: of the close in the log.
        origin: the log's name.
        size: of the tree that the checkpoint signs.
    """

    close: Close
    entry_id: str
    index: int
    origin: str
    size: int


def files_of(  # noqa: PLR0913 - what a bundle is made of, by name
    close: Close,
    booked: Booked,
    entries: Iterable[Booked],
    *,
    signed: SignedCheckpoint,
    proof: str,
    keys: LogKeys,
) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the files of a bundle, each to be read to its end before the next.

    Args:
        close: what the close says.
        booked: its entry.
        entries: of the period, in the order of the log.
        signed: the first checkpoint that covers the close.
        proof: of the close under it.
        keys: of the log.
    """
    vkeys = "".join(f"{key}\n" for key in keys.keys_for(signed.checkpoint.size))
    contents: dict[str, Iterable[bytes]] = {
        ENTRIES: (entry_line(one.index or 0, one.entry.leaf) for one in entries),
        BALANCE: (line.encode() for line in trial_balance(close.totals)),
        CLOSE: [booked.entry.leaf],
        PROOF: [proof.encode()],
        CHECKPOINT: [signed.note.encode()],
        KEYS: [vkeys.encode()],
    }
    digests: dict[str, Any] = {}
    for name, content in contents.items():
        yield name, _measured(name, content, digests)
    manifest: dict[str, Any] = {
        "files": digests,
        "format": FORMAT,
        "origin": signed.checkpoint.origin,
        "period": str(close.period),
    }
    yield MANIFEST, iter([rfc8785.dumps(manifest)])


def trial_balance(totals: Iterable[Total]) -> Iterator[str]:
    """Yield the lines of ``trial-balance.csv``: nothing in it needs quotes."""
    yield "account,currency,debit,credit,balance\n"
    for one in totals:
        figures = (as_decimal(sum_, one.currency) for sum_ in (one.debit, one.credit, one.balance))
        yield ",".join((one.account, one.currency, *figures)) + "\n"


def check_bundle(
    names: Iterable[str], opened: Opener, keys: LogKeys, *, previous: Checked | None = None
) -> Checked:
    """Check a bundle with nothing but the log's public key.

    Args:
        names: of the files that it has.
        opened: streams one of them.
        keys: the log's, from somewhere else than the bundle.
        previous: the bundle of the period before, checked; its balances are carried on then.

    Raises:
        BundleError: a file is missing, too much, or not what the others say.
    """
    if sorted(names) != sorted(NAMES):
        raise BundleError(f"a bundle has exactly the files {', '.join(sorted(NAMES))}")
    digests: dict[str, Any] = {}
    small = {name: _small(name, opened, digests) for name in NAMES if name != ENTRIES}
    checked = _check_close(small, keys)
    tally = _check_entries(_measured(ENTRIES, opened(ENTRIES), digests), checked)
    _check_figures(checked, tally, previous)
    if small[BALANCE] != "".join(trial_balance(checked.close.totals)).encode():
        raise BundleError(f"{BALANCE}: not the figures of the close")
    manifest: dict[str, Any] = {
        "files": {name: digest for name, digest in digests.items() if name != MANIFEST},
        "format": FORMAT,
        "origin": checked.origin,
        "period": str(checked.close.period),
    }
    if small[MANIFEST] != rfc8785.dumps(manifest):
        raise BundleError(f"{MANIFEST}: not the digests of these files")
    return checked


def _check_close(small: dict[str, bytes], keys: LogKeys) -> Checked:
    leaf = small[CLOSE]
    try:
        text = small[PROOF].decode()
        proven = verify_proof(text, keys, leaf=leaf)
    except (TlogError, UnicodeDecodeError) as err:
        raise BundleError(f"{PROOF}: it does not prove {CLOSE}: {err}") from err
    if small[CHECKPOINT] != Proof.parse(text).checkpoint.encode():
        raise BundleError(f"{CHECKPOINT}: not the one of the proof")
    known = {f"{key}".encode() for key in keys.keys_for(proven.checkpoint.size)}
    if not small[KEYS] or not known.issuperset(small[KEYS].splitlines()):
        raise BundleError(f"{KEYS}: not the public key (or key history) that was given")
    said = read_leaf(leaf)
    try:
        close = Close.read(particulars_in(said))
    except ValueError as err:
        raise BundleError(f"{CLOSE}: no close of a period") from err
    if said.get("kind") != EntryKind.PERIOD_CLOSE or said.get("date") != str(close.period.last):
        raise BundleError(f"{CLOSE}: no close of a period")
    return Checked(
        *(close, str(said.get("id")), proven.index),
        *(proven.checkpoint.origin, proven.checkpoint.size),
    )


def _check_entries(chunks: Iterable[bytes], checked: Checked) -> Tally:
    tally = Tally()
    before = -1
    for number, line in enumerate(_lines(chunks), start=1):
        try:
            index = int(json.loads(line)["index"])
            leaf = line[len(b'{"index":%d,"leaf":' % index) : -2]
            said = read_leaf(leaf)
            postings = [
                Posting(str(one["account"]), str(one["currency"]), int(one["amount"]))
                for one in _list(said["postings"])
            ]
            date = dt.date.fromisoformat(str(said["date"]))
        except (ValueError, KeyError, TypeError, RecursionError) as err:
            raise BundleError(f"{ENTRIES}: line {number} is no entry") from err
        if entry_line(index, leaf) != line or not before < index < checked.index:
            raise BundleError(f"{ENTRIES}: line {number} is not in the order of the log")
        if date > checked.close.period.last or date < (checked.close.since or dt.date.min):
            raise BundleError(f"{ENTRIES}: line {number} is not of {checked.close.period}")
        if unbalanced(postings):
            raise BundleError(f"{ENTRIES}: line {number} does not sum to zero")
        before = index
        tally.add(index, leaf, ((one.account, one.currency, one.amount) for one in postings))
    return tally


def _check_figures(checked: Checked, tally: Tally, previous: Checked | None) -> None:
    close = checked.close
    found = (tally.entries, tally.first, tally.last, tally.digest)
    if found != (close.entries, close.first, close.last, close.digest):
        raise BundleError(f"{ENTRIES}: not the entries that the close counted")
    if previous is not None:
        if (close.previous, checked.origin) != (previous.entry_id, previous.origin):
            raise BundleError(f"{CLOSE}: it does not follow the period before")
        opening = previous.close.totals
    elif close.previous is None:
        opening = ()
    else:  # what the period opened with is the period before's to prove
        opening = tuple(
            Total(one.account, one.currency, 0, 0, one.balance - one.debit + one.credit)
            for one in close.totals
        )
    if tally.totals(opening) != close.totals:
        raise BundleError(f"{CLOSE}: not the totals of these entries")
    balances = [Posting(one.account, one.currency, one.balance) for one in close.totals]
    if unbalanced(balances):
        raise BundleError(f"{CLOSE}: the balances do not sum to zero")


def _measured(name: str, content: Iterable[bytes], digests: dict[str, Any]) -> Iterator[bytes]:
    digest, size = hashlib.sha256(), 0
    for chunk in content:
        digest.update(chunk)
        size += len(chunk)
        yield chunk
    digests[name] = {"bytes": size, "sha256": digest.hexdigest()}


def _small(name: str, opened: Opener, digests: dict[str, Any]) -> bytes:
    found = bytearray()
    for chunk in _measured(name, opened(name), digests):
        found += chunk
        if len(found) > _FILE_MOST:
            raise BundleError(f"{name}: too large")
    return bytes(found)


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LINE_MOST:
            raise BundleError(f"{ENTRIES}: a line is too long")
        yield from (line + b"\n" for line in lines)
    if rest:
        raise BundleError(f"{ENTRIES}: the last line has no end")


def _list(value: object) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise TypeError
    return value
