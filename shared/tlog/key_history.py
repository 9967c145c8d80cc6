"""Which keys sign a log, and at which sizes: an append-only text that anyone can check.

``log/<tenant>.keys`` is a row of signed notes (C2SP signed-note), each appended to the last. A
note's text has five lines::

    docledger.key-history.v1
    <origin>
    <number of the record, from 0>
    <base64 of the SHA-256 of every byte before this record>
    add <vkey> from <size>    or    close <vkey> at <size> because <why>

The first record adds the log's first key, which signs it. ``add`` is signed by a key that is open
at that point *and* by the new key, ``close`` by an open key that is not the one it closes: so one
is always open. A key's signature counts on checkpoints from its ``from`` size on and, once it is
closed, up to and with that size. The first line keeps a record from ever reading as a checkpoint.

Who knows one of the keys can check the whole: later records are endorsed by what it signed, and
earlier ones by the hash in the record that it signed.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from shared.tlog.checkpoint import LogKeys
from shared.tlog.encoding import encode_base64, parse_decimal
from shared.tlog.errors import MalformedError, SignatureError
from shared.tlog.note import Note, Signature, VerifierKey, open_note

KEYS_SUFFIX: Final = ".keys"
"""The history stands beside the log's folder: ``<log>.keys``."""

MOST_HISTORY_BYTES: Final = 1 << 20
"""A longer history is refused: hundreds of rotations fit."""

_HEADER: Final = "docledger.key-history.v1"
_RECORD: Final = re.compile(rf"^(?={re.escape(_HEADER)}\n)", re.MULTILINE)


class Closing(StrEnum):
    """Why a key signs no more."""

    RETIRED = "retired"  # another one took over in order
    ROLLED_BACK = "rolled_back"  # a rotation was taken back during the overlap
    COMPROMISED = "compromised"  # somebody else may have it


@dataclass(frozen=True, slots=True)
class KeyPeriod:
    """When a key's signature counts.

    Attributes:
        key: the public key.
        start: the smallest tree size.
        end: the largest tree size; None while the key is open.
        why: it was closed; None while it is open.
    """

    key: VerifierKey
    start: int
    end: int | None = None
    why: Closing | None = None

    def covers(self, size: int) -> bool:
        """Tell whether a checkpoint of ``size`` may be signed by this key."""
        return self.start <= size and (self.end is None or size <= self.end)


@dataclass(frozen=True, slots=True)
class KeyStatement:
    """One record to come: what a signer endorses, and nothing else.

    Attributes:
        origin: the log's name.
        number: of the record.
        previous: SHA-256 of the history before it.
        line: what it says.
    """

    origin: str
    number: int
    previous: bytes
    line: str

    @property
    def text(self) -> str:
        """Return the note text that is signed."""
        lines = (_HEADER, self.origin, str(self.number), encode_base64(self.previous), self.line)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class KeyHistory:
    """A history of which every record was checked.

    Attributes:
        name: the log's origin.
        periods: every key there was, oldest first.
        text: the file, byte for byte.
        records: how many there are.
    """

    name: str
    periods: tuple[KeyPeriod, ...] = ()
    text: str = ""
    records: int = 0

    @classmethod
    def parse(cls, text: str, root: VerifierKey) -> Self:
        """Check a history from its first record to its last.

        Args:
            text: the file.
            root: the key that is known from elsewhere; any one of the history's.

        Raises:
            MalformedError: not a history, or a record that does not follow from those before it.
            SignatureError: a record is not signed as it must be, or ``root`` is in none.
        """
        if len(text) > MOST_HISTORY_BYTES:
            raise MalformedError("the key history is longer than any of ours")
        starts = [found.start() for found in _RECORD.finditer(text)]
        if not starts or starts[0]:
            raise MalformedError("a key history starts with its first record")
        history = cls(root.name)
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            history = history.appended(text[start:end])
        if all(period.key != root for period in history.periods):
            raise SignatureError("the key history does not know this key")
        return history

    def appended(self, record: str) -> Self:
        """Return the history with one more record, checked.

        Raises:
            MalformedError: the record does not follow.
            SignatureError: it is not signed as it must be.
        """
        note = Note.parse(record)
        *_, line = note.text.removesuffix("\n").split("\n")
        if note.text != self._statement(line).text:
            raise MalformedError(f"record {self.records} of the key history does not follow")
        words = line.split(" ")
        match words:
            case ["add", vkey, "from", size]:
                periods = self._added(record, VerifierKey.parse(vkey), _size(size))
            case ["close", vkey, "at", size, "because", why]:
                key = VerifierKey.parse(vkey)
                periods = self._closed(record, key, _size(size), _closing(why))
            case _:
                raise MalformedError("a record of the key history adds or closes a key")
        return replace(self, periods=periods, text=self.text + record, records=self.records + 1)

    def adding(self, key: VerifierKey, *, size: int) -> KeyStatement:
        """Return the statement that ``key`` signs from ``size`` on."""
        return self._statement(f"add {key} from {size}")

    def closing(self, key: VerifierKey, *, size: int, why: Closing) -> KeyStatement:
        """Return the statement that ``key``'s signatures count up to ``size`` and no further."""
        return self._statement(f"close {key} at {size} because {why}")

    def with_record(self, statement: KeyStatement, signatures: Sequence[Signature]) -> Self:
        """Return the history with a signed statement appended; as ``appended``."""
        return self.appended(str(Note(statement.text, tuple(signatures))))

    def keys_for(self, size: int) -> tuple[VerifierKey, ...]:
        """Return the keys whose signature counts on a checkpoint of ``size``."""
        return tuple(period.key for period in self.periods if period.covers(size))

    @property
    def open(self) -> tuple[VerifierKey, ...]:
        """Return the keys that sign now, oldest first; two during an overlap."""
        return tuple(period.key for period in self.periods if period.end is None)

    def extends(self, earlier: str) -> bool:
        """Tell whether this history is ``earlier``, or has grown from it."""
        return self.text.startswith(earlier)

    def _statement(self, line: str) -> KeyStatement:
        previous = hashlib.sha256(self.text.encode()).digest()
        return KeyStatement(self.name, self.records, previous, line)

    def _added(self, record: str, key: VerifierKey, size: int) -> tuple[KeyPeriod, ...]:
        if key.name != self.name:
            raise MalformedError("the key history adds the key of another log")
        if any(period.key.key_id == key.key_id for period in self.periods):
            raise MalformedError("the key history adds a key twice")
        if size < max((period.start for period in self.periods), default=0):
            raise MalformedError("the key history adds a key for sizes that have gone by")
        if self.periods:
            open_note(record, self.open)
        elif size:
            raise MalformedError("a log's first key signs from size 0")
        open_note(record, [key])
        return (*self.periods, KeyPeriod(key, size))

    def _closed(
        self, record: str, key: VerifierKey, size: int, why: Closing
    ) -> tuple[KeyPeriod, ...]:
        if key not in self.open:
            raise MalformedError("the key history closes a key that is not open")
        open_note(record, [other for other in self.open if other != key])
        return tuple(
            replace(period, end=size, why=why) if period.key == key else period
            for period in self.periods
        )


def keys_of(root: VerifierKey, history: bytes | None) -> LogKeys:
    """Return what verifies a log: its one key, or its history where it has one.

    Args:
        root: the key that is known from elsewhere.
        history: the file beside the log, if there is one.

    Raises:
        MalformedError: the file is no history.
        SignatureError: it is not signed as it must be, or does not know ``root``.
    """
    if history is None:
        return root
    try:
        return KeyHistory.parse(history.decode(), root)
    except UnicodeDecodeError as err:
        raise MalformedError("the key history is not UTF-8") from err


@dataclass(frozen=True, slots=True)
class _Ever:
    """Every key that a log ever had, at every size."""

    name: str
    keys: tuple[VerifierKey, ...]

    def keys_for(self, _size: int, /) -> tuple[VerifierKey, ...]:
        return self.keys


def ever(keys: LogKeys) -> LogKeys:
    """Return what verifies whatever the log's keys signed, those that were closed since, too.

    For who checks their own records for damage; never for what somebody shows.
    """
    if not isinstance(keys, KeyHistory):
        return keys
    return _Ever(keys.name, tuple(period.key for period in keys.periods))


@dataclass(frozen=True, slots=True)
class _Formerly:
    """The keys of a log at the sizes beyond which they were closed."""

    name: str
    periods: tuple[KeyPeriod, ...]

    def keys_for(self, size: int, /) -> tuple[VerifierKey, ...]:
        return tuple(
            period.key
            for period in self.periods
            if period.end is not None and max(period.start, period.end + 1) <= size
        )


def formerly(keys: LogKeys) -> LogKeys:
    """Return what verifies the checkpoints that counted until their key was closed below them.

    For who says why such a checkpoint counts no more; never to believe one.
    """
    return _Formerly(keys.name, keys.periods if isinstance(keys, KeyHistory) else ())


def _size(text: str) -> int:
    return parse_decimal(text, what="a size of the key history")


def _closing(text: str) -> Closing:
    try:
        return Closing(text)
    except ValueError:
        raise MalformedError("the key history does not say why a key was closed") from None
