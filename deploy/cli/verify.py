"""``docledger verify`` and ``docledger proof``: what outsiders can do, done here."""

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.cli.log_source import (
    LogSource,
    checkpoint_of,
    read_key,
    read_text,
    sources,
)
from deploy.cli.opened import open_desk
from deploy.cli.screen import safe, to_stderr, to_stdout
from deploy.cli.watching import watch_log
from deploy.local.lookup import find_document
from services.ledger.entries import standing_entry
from shared.clock import Clock, SystemClock
from shared.errors import UserError
from shared.tlog.checkpoint import Checkpoint, LogKeys, open_checkpoint
from shared.tlog.consistency import check_consistent, check_shown
from shared.tlog.errors import (
    ContradictionError,
    RolledBackError,
    TlogError,
    UnavailableError,
)
from shared.tlog.proof import Proof, verify_proof
from shared.tlog.reader import read_checkpoint, read_leaf
from shared.tlog.verify import Progress, Verified, verify_checkpoint

VERIFIED: Final = 0
NOT_VERIFIED: Final = 1
CONTRADICTED: Final = 3
UNAVAILABLE: Final = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person asked ``verify`` for.

    Attributes:
        log: a log's folder, a data folder or a URL; None is the logs of the data folder, or where
            the settings name a bucket, the one in it that ``key`` signs.
        key: a vkey line, or a file that holds one.
        since: the file of a checkpoint that was verified before.
        against: a checkpoint that others were shown: a file or a URL.
        proof: the file of a ``.tlog-proof``.
        entry: the file of that entry's bytes.
        state: the file in which the last checkpoint is remembered.
        every: seconds from one look to the next; None to look once.
        as_json: one JSON line each instead of a sentence.
    """

    log: str | None = None
    key: str | None = None
    since: Path | None = None
    against: str | None = None
    proof: Path | None = None
    entry: Path | None = None
    state: Path | None = None
    every: float | None = None
    as_json: bool = False


def verify(data_dir: Path, asked: Asked, *, clock: Clock | None = None) -> int:
    """Verify logs, a proof, or keep watching; return the exit code."""
    clock = clock or SystemClock()
    if asked.proof is not None and asked.log is None:
        return _proof(asked, asked.proof, None)
    found = sources(asked.log, asked.key, data_dir, clock)
    with ExitStack() as stack:
        for source in found:
            stack.callback(source.close)
        return _any(found, asked, clock)


def proof(data_dir: Path, typed: str) -> int:
    """Print the proof of the entry that says where a document stands, the entry inside."""
    house = open_desk(data_dir)
    document = find_document(house, typed)
    history = house.ledger.journal.history(document.tenant, document.document_id)
    booked = standing_entry(history)
    if booked is None or booked.index is None:
        raise UserError("the document has no sealed entry yet; see 'docledger show'")
    proven = Proof.parse(house.ledger.log_of(document.tenant).prove(booked.index))
    print(proven.holding(booked.entry.leaf), end="")  # noqa: T201 - output
    return 0


def _any(found: Sequence[LogSource], asked: Asked, clock: Clock) -> int:
    if len(found) > 1 and any((asked.since, asked.against, asked.state, asked.proof)):
        raise UserError("there are several logs; name one of them")
    if asked.proof is not None:
        return _proof(asked, asked.proof, found[0])
    if asked.every is not None and asked.state is None:
        raise UserError("--watch needs --state FILE, to remember the last checkpoint in")
    if asked.state is not None:
        if asked.since is not None:
            raise UserError("--state remembers the checkpoint that --since would name; give one")
        return watch_log(
            found[0],
            asked.state,
            clock=clock,
            against=asked.against,
            every=asked.every,
            as_json=asked.as_json,
        )
    return max([_verify(source, asked, clock) for source in found])


def _verify(source: LogSource, asked: Asked, clock: Clock) -> int:
    try:
        keys = source.keys()
        since = _since(asked.since, keys)
        with checkpoint_of(asked.against, clock) as others:  # first: the log may grow meanwhile
            theirs = others(keys).checkpoint if others else None
        shown = read_checkpoint(source.reader, keys).checkpoint
        if theirs is not None:
            check_shown(source.reader, shown, theirs)
        with _progress() as tell:
            verified = verify_checkpoint(source.reader, shown, since=since, on_progress=tell)
    except TlogError as error:
        return _refused(source.shown, error, as_json=asked.as_json)
    return _told(source.shown, verified, since, as_json=asked.as_json)


def _since(path: Path | None, keys: LogKeys) -> Checkpoint | None:
    if path is None:
        return None
    try:
        return open_checkpoint(read_text(path, what="checkpoint"), keys).checkpoint
    except TlogError as err:
        raise UserError(f"{path} is no checkpoint of this log: {err}") from err


def _proof(asked: Asked, path: Path, source: LogSource | None) -> int:
    """Verify one proof, offline; with a log, against what that publishes too."""
    text = read_text(path, what="proof")
    if source is None and asked.key is None:
        raise UserError("give the log's public key with --key")
    try:
        keys = source.keys() if source else read_key(str(asked.key))
        leaf = _leaf(asked, Proof.parse(text), keys, source)
        proven = verify_proof(text, keys, leaf=leaf)
        if source is not None:
            shown = read_checkpoint(source.reader, keys).checkpoint
            check_consistent(
                source.reader, *sorted((proven.checkpoint, shown), key=lambda one: one.size)
            )
    except TlogError as error:
        return _refused(str(path), error, as_json=asked.as_json)
    checkpoint = proven.checkpoint
    if asked.as_json:
        _line(
            what=str(path),
            verified=True,
            index=proven.index,
            origin=checkpoint.origin,
            size=checkpoint.size,
            root=checkpoint.root.hex(),
        )
    else:
        line = f"{path}: verified: entry {proven.index} of {checkpoint.size} of {checkpoint.origin}"
        to_stdout().print(safe(line, style="green"))
    return VERIFIED


def _leaf(asked: Asked, proof: Proof, keys: LogKeys, source: LogSource | None) -> bytes:
    """Return the entry's bytes: a file's, those in the proof, or those that the log has."""
    if asked.entry is not None:
        try:
            return asked.entry.read_bytes()
        except OSError as err:
            raise UserError(f"cannot read {asked.entry}; check the path") from err
    if proof.extra is not None:
        return proof.extra
    if source is None:
        raise UserError("the proof holds no entry: give its bytes with --entry, or name the log")
    size = open_checkpoint(proof.checkpoint, keys).checkpoint.size
    return read_leaf(source.reader, proof.index, size)


@contextmanager
def _progress() -> Iterator[Progress | None]:
    """Show how far it is, where a person looks."""
    console = to_stderr()
    if not console.is_terminal:
        yield None
        return
    with console.status("verifying") as status:
        yield lambda size: status.update(f"verifying: {size:,} entries")


def _told(shown: str, verified: Verified, since: Checkpoint | None, *, as_json: bool) -> int:
    if as_json:
        _line(
            what=shown,
            verified=True,
            origin=verified.origin,
            size=verified.size,
            root=verified.root.hex(),
            read=verified.read,
        )
        return VERIFIED
    after = f", {verified.read} of them new since {since.size}" if since else ""
    line = f"{shown}: verified: {verified.size} entries{after}, root {verified.root.hex()}"
    to_stdout().print(safe(line, style="green"))
    return VERIFIED


def _refused(shown: str, error: TlogError, *, as_json: bool) -> int:
    """Say what is wrong in one line; return the exit code."""
    code, word = NOT_VERIFIED, "NOT VERIFIED"
    if isinstance(error, UnavailableError):
        code, word = UNAVAILABLE, "cannot be read now, which says nothing about it"
    elif isinstance(error, (ContradictionError, RolledBackError)):
        code = CONTRADICTED
    if as_json:
        index = getattr(error, "index", None)
        _line(what=shown, verified=False, problem=str(error), index=index, exit_code=code)
    else:
        to_stderr().print(safe(f"{shown}: {word}: {error}", style="bold red"))
    return code


def _line(**fields: object) -> None:
    print(json.dumps(fields))  # noqa: T201 - this is the output
