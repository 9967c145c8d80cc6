"""What a watcher remembers: the last checkpoint that it verified, and the evidence it found.

The state file is that checkpoint's signed note and nothing else, so that it also serves as
``--since``, or as what others compare with. It is replaced at once or not at all.
"""

import os
from pathlib import Path
from typing import Final

from shared.tlog.checkpoint import LogKeys, SignedCheckpoint, open_checkpoint
from shared.tlog.errors import MalformedError
from shared.tlog.key_history import KEYS_SUFFIX
from shared.tlog.note import decode_text

EVIDENCE_SUFFIX: Final = ".evidence"

MOST_BYTES: Final = 1 << 20

_SHORT: Final = 8
"""Bytes of a root that tell two files of evidence apart."""


class Memory:
    """Keeps one log's last verified checkpoint in a file.

    Args:
        path: of the file; its folder is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def evidence(self) -> Path:
        """Return the folder that evidence is written to."""
        return self._path.with_name(self._path.name + EVIDENCE_SUFFIX)

    def recall(self, key: LogKeys) -> SignedCheckpoint | None:
        """Return the checkpoint that was kept; None before the first.

        Raises:
            MalformedError: the file is no checkpoint.
            SignatureError: it is no checkpoint of this log.
            OSError: it can't be read.
        """
        text = _read(self._path)
        return None if text is None else open_checkpoint(text, key)

    def keep(self, signed: SignedCheckpoint) -> None:
        """Replace what is kept; durable on return.

        Raises:
            OSError: it can't be written; what was kept still is.
        """
        _write(self._path, signed.note.encode())

    def recall_keys(self) -> str:
        """Return the key history that was kept; empty where none was.

        Raises:
            MalformedError: the file is no text.
            OSError: it can't be read.
        """
        return _read(self._keys) or ""

    def keep_keys(self, history: str) -> None:
        """Replace the key history that is kept; durable on return.

        Raises:
            OSError: it can't be written; what was kept still is.
        """
        _write(self._keys, history.encode())

    @property
    def _keys(self) -> Path:
        return self._path.with_name(self._path.name + KEYS_SUFFIX)

    def keep_evidence(self, *signed: SignedCheckpoint) -> list[Path]:
        """Write checkpoints that contradict one another, byte for byte; return their files.

        Raises:
            OSError: they can't be written.
        """
        self.evidence.mkdir(exist_ok=True)
        paths: list[Path] = []
        for one in signed:
            root = one.checkpoint.root[:_SHORT].hex()
            path = self.evidence / f"{one.checkpoint.size}-{root}.checkpoint"
            _write(path, one.note.encode())
            paths.append(path)
        return paths


def _read(path: Path) -> str | None:
    """Return what was kept at ``path``."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    if len(data) > MOST_BYTES:
        raise MalformedError("the state file is larger than any of ours")
    return decode_text(data, what="the state file")


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``, all of it or nothing."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
