"""Where a log is that somebody names, or the settings do; and whose key verifies it."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.cli.log_bucket import BucketReader, bucket_set, key_wanted, open_logs, tenant_of
from deploy.local.site import Site
from shared.clock import Clock
from shared.errors import UserError
from shared.tlog.checkpoint import LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.errors import TlogError, UnavailableError
from shared.tlog.key_history import MOST_HISTORY_BYTES
from shared.tlog.keys_file import read_keys
from shared.tlog.memory import Memory
from shared.tlog.note import VerifierKey, decode_text
from shared.tlog.reader import DirectoryReader, Reader, read_checkpoint
from shared.tlog.tiles import CHECKPOINT_PATH
from shared.tlog.web import WebReader
from shared.worker.built import nothing

VKEY_SUFFIX: Final = ".vkey"

TOKEN: Final = "DOCLEDGER_LOG_TOKEN"  # noqa: S105 - the variable's name
"""Sent to a log's server, where that wants one."""

_MOST_BYTES: Final = MOST_HISTORY_BYTES
"""No checkpoint, proof or key in a file is longer."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """One published log.

    Attributes:
        shown: what people call it.
        reader: its files.
        beside: the files of the folder that it lies in; None where it lies in none.
        name: of its own folder.
        key: the public key that is known from elsewhere.
        hang_up: on the bucket, where it was one.
    """

    shown: str
    reader: Reader
    beside: Reader | None
    name: str
    key: VerifierKey
    hang_up: Callable[[], None] = nothing

    def keys(self, memory: Memory | None = None) -> LogKeys:
        """Return what verifies it now: the key, or the history of keys that it stands in.

        Raises:
            TlogError: the history is none, or was cut, or can't be read now.
        """
        if self.beside is None:
            return self.key
        return read_keys(self.beside, self.name, self.key, memory=memory)

    def close(self) -> None:
        """Hang up, where it was a server or a bucket."""
        for reader in (self.reader, self.beside):
            if isinstance(reader, WebReader):
                reader.close()
        self.hang_up()


def is_url(text: str) -> bool:
    """Tell whether a person named something on a web server."""
    return text.startswith(("http://", "https://"))


def sources(named: str | None, key: str | None, data_dir: Path, clock: Clock) -> list[LogSource]:
    """Return the logs that a person named: one, or all of a data folder.

    Who names none means the bucket of the settings, where they have one, and there the log that
    the key signs.

    Raises:
        UserError: there is none, or no key for it.
    """
    if named is not None and is_url(named):
        if key is None:
            raise UserError("give the log's public key with --key; a server's own word is not one")
        return [_of_url(named, read_key(key), clock)]
    if named is None and (bucket := bucket_set()) is not None:
        if key is None:
            raise key_wanted(bucket)
        return [_of_bucket(bucket, read_key(key), data_dir)]
    folder = Path(named) if named is not None else data_dir
    if named is not None and not _is_data_folder(folder):
        return [_of_folder(folder, read_key(key or str(_beside(folder))))]
    found = [_of_folder(one.with_suffix(""), read_key(str(one))) for one in _vkeys(folder)]
    if key is None:
        return found
    known = read_key(key)
    wanted = [one for one in found if one.key.name == known.name]
    if not wanted:
        raise UserError(f"no log in {folder} is called what that key signs for; check --key")
    return [_of_folder(Site(folder).log / one.name, known) for one in wanted]


def read_key(text: str) -> VerifierKey:
    """Return the key of a vkey line, or of the file that holds one.

    Raises:
        UserError: it is neither.
    """
    path = Path(text)
    line = text
    if "+" not in text or path.exists():
        try:
            line = path.read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as err:
            raise UserError(f"cannot read the public key {text}; give a vkey line") from err
    try:
        return VerifierKey.parse(line.strip())
    except TlogError as err:
        raise UserError("that is no vkey line (name+id+key); check --key") from err


def read_text(path: Path, *, what: str) -> str:
    """Return a small file that a person named.

    Raises:
        UserError: it cannot be read, or is none of ours.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = decode_text(data, what=what)
    except OSError as err:
        raise UserError(f"cannot read {path} ({type(err).__name__}); check the path") from err
    except TlogError as err:
        raise UserError(f"{path} holds no {what}") from err
    if len(data) > _MOST_BYTES:
        raise UserError(f"{path} is too large for a {what}")
    return text


@contextmanager
def checkpoint_of(
    named: str | None, clock: Clock
) -> Iterator[Callable[[LogKeys], SignedCheckpoint] | None]:
    """Give what reads a checkpoint that others were shown: a file, a log's folder, a URL.

    None where nobody was named. The checkpoint is read at each call, which raises ``TlogError``
    when it is none of this log or can't be read.
    """
    if named is None:
        yield None
    elif is_url(named):
        with closing(_web(named.removesuffix(f"/{CHECKPOINT_PATH}"), clock)) as web:
            yield lambda keys: read_checkpoint(web, keys)
    elif Path(named).is_dir():
        yield lambda keys: read_checkpoint(DirectoryReader(Path(named)), keys)
    else:
        yield lambda keys: _of_file(Path(named), keys)


def _of_file(path: Path, keys: LogKeys) -> SignedCheckpoint:
    try:
        return open_checkpoint(read_text(path, what="checkpoint"), keys)
    except UserError as err:
        raise UnavailableError(str(err)) from err


def _of_folder(folder: Path, key: VerifierKey) -> LogSource:
    whole = folder.resolve()
    return LogSource(
        str(folder), DirectoryReader(folder), DirectoryReader(whole.parent), whole.name, key
    )


def _of_url(url: str, key: VerifierKey, clock: Clock) -> LogSource:
    url = url.rstrip("/")
    parent, _, name = url.rpartition("/")
    beside = None if parent.endswith("/") else _web(parent, clock)  # https://host has no parent
    return LogSource(url, _web(url, clock), beside, name, key)


def _of_bucket(bucket: str, key: VerifierKey, data_dir: Path) -> LogSource:
    tenant = tenant_of(key)
    place = open_logs(data_dir)
    log, beside = BucketReader(place.log(tenant)), BucketReader(place.beside())
    return LogSource(f"gs://{bucket}/{tenant}", log, beside, tenant, key, place.close)


def _web(url: str, clock: Clock) -> WebReader:
    try:
        return WebReader(url, token=os.environ.get(TOKEN), pause=clock.sleep)
    except TlogError as err:
        raise UserError(f"{err}; check the URL") from err


def _is_data_folder(folder: Path) -> bool:
    is_log = (folder / CHECKPOINT_PATH).exists() or (folder / "tile").exists()
    return not is_log and Site(folder).log.is_dir()


def _vkeys(data_dir: Path) -> list[Path]:
    folder = Site(data_dir).log
    found = sorted(folder.glob(f"*{VKEY_SUFFIX}"))
    if not found and (bucket := bucket_set()) is not None:
        raise UserError(f"the logs are in the bucket {bucket}: name no folder, and give --key")
    if not found:
        raise UserError(
            f"no log in {folder}; run 'docledger run PATH' first, or name a log's folder"
        )
    return found


def _beside(log: Path) -> Path:
    path = log.parent / f"{log.name}{VKEY_SUFFIX}"
    if not path.exists():
        raise UserError(f"no key for {log}; give the log's public key with --key")
    return path
