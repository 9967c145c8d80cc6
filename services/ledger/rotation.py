"""Exchanging the key of a log: a new key joins, both sign for a while, one of them ends.

Every step is durable before the next and may be the last one: whoever begins again first completes
what the history says. The history decides; private keys and the published checkpoint follow.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from services.ledger.publication import Intent, PublicFiles, StaleLogError
from shared.errors import TransientError, UserError
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import NotFoundError
from shared.tlog.key_history import Closing, KeyHistory
from shared.tlog.note import Note, VerifierKey, decode_text
from shared.tlog.signer import JointSigner, LogKey, cosigned
from shared.tlog.tiles import CHECKPOINT_PATH

_MOST_KEYS: Final = 2
_TRIES: Final = 8
_MANY: Final = 1_000  # more signatures than a note may have


class PrivateKeys(Protocol):
    """The private keys of one log.

    Every method raises ``TransientError`` when the place is unavailable.
    """

    def first(self) -> LogKey:
        """Return the log's first key, made if there is none."""
        ...

    def of(self, key: VerifierKey) -> LogKey:
        """Return the private key of a public one.

        Raises:
            UserError: it is not here.
        """
        ...

    def fresh(self) -> LogKey:
        """Return a key that is in no history yet; the same one until it is adopted."""
        ...

    def adopt(self, key: VerifierKey) -> None:
        """Take note that a fresh key is in the history; no error if it was adopted before."""
        ...

    def destroy(self, key: VerifierKey) -> None:
        """Destroy a closed key where it is a file; no error when it is gone."""
        ...


class KeyRecords(Protocol):
    """The published key history of one log."""

    def read(self) -> KeyHistory | None:
        """Return the history, checked; None before the first rotation."""
        ...

    def append(self, history: KeyHistory) -> None:
        """Publish a history that has grown from the published one; durable on return.

        Raises:
            TransientError: somebody else has appended meanwhile, or the place is unavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Rotation:
    """The keys of one log, and what a person may do with them.

    Attributes:
        keys: the private ones.
        records: the published history.
        files: the published log.
        decided: what the journal decided for a size; nothing else is ever signed.
    """

    keys: PrivateKeys
    records: KeyRecords
    files: PublicFiles
    decided: Callable[[int], Intent | None]

    def history(self) -> KeyHistory:
        """Return the history; that of the one first key where nothing was rotated yet."""
        history = self.records.read()
        if history is not None:
            return history
        first = self.keys.first()
        statement = KeyHistory(first.key.name).adding(first.key, size=0)
        return KeyHistory(first.key.name).with_record(statement, [first.endorse(statement)])

    def rotate(self) -> KeyHistory:
        """Let a new key join; from now on checkpoints carry both signatures.

        Raises:
            UserError: a rotation is under way.
            StaleLogError: what is published is not what the journal decided.
            TransientError: a store or the key service is unavailable.
        """
        history = self.settle()
        if len(history.open) >= _MOST_KEYS:
            raise UserError(
                "a rotation is under way: end it with 'docledger keys close KEY' on the older key, "
                "or take it back with 'docledger keys rollback'"
            )
        old, new = self.keys.of(history.open[0]), self.keys.fresh()
        statement = history.adding(new.key, size=self._published_size())
        signatures = [old.endorse(statement), new.endorse(statement)]
        self.records.append(history.with_record(statement, signatures))
        return self.settle()

    def rollback(self) -> KeyHistory:
        """Take back a rotation during its overlap: the newer key is closed, the older one stays.

        Raises:
            UserError: no rotation is under way.
            StaleLogError, TransientError: as ``rotate``.
        """
        history = self.settle()
        if len(history.open) < _MOST_KEYS:
            raise UserError("no rotation is under way: there is nothing to take back")
        return self.close(history.open[-1], why=Closing.ROLLED_BACK)

    def close(
        self, key: VerifierKey, *, why: Closing = Closing.RETIRED, size: int | None = None
    ) -> KeyHistory:
        """End a key: beyond ``size`` its signature counts no more.

        Args:
            key: an open one, and not the only one.
            why: is written into the history.
            size: of the tree; that of the published checkpoint when None.

        Raises:
            UserError: the key is not open, is the only one, or the log is not that large.
            StaleLogError, TransientError: as ``rotate``.
        """
        history = self.settle()  # every open key has signed what is published: one may go
        published = self._published_size()
        others = [one for one in history.open if one != key]
        if len(others) == len(history.open):
            raise UserError("that key is not open; see 'docledger keys show'")
        if not others:
            raise UserError("that is the log's only key: 'docledger keys rotate' first")
        size = published if size is None else size
        if not 0 <= size <= published:
            raise UserError(f"the log has {published} entries: close the key at that size or below")
        statement = history.closing(key, size=size, why=why)
        signatures = [self.keys.of(other).endorse(statement) for other in others]
        self.records.append(history.with_record(statement, signatures))
        return self.settle()

    def settle(self) -> KeyHistory:
        """Complete what the history says: private keys in place, the checkpoint signed by all.

        Raises:
            StaleLogError: what is published is not what the journal decided.
            TransientError: a store or the key service is unavailable.
        """
        history = self.history()
        if history.records > 1:
            for period in history.periods:
                if period.end is None:
                    self.keys.adopt(period.key)
                else:
                    self.keys.destroy(period.key)
        for _try in range(_TRIES):
            if self._cosign(history):
                return history
        raise TransientError("the log grows too fast to be signed again")

    def _cosign(self, history: KeyHistory) -> bool:
        """Have every open key on the published checkpoint; tell whether that is so now."""
        try:
            note = decode_text(self.files.read(CHECKPOINT_PATH), what=CHECKPOINT_PATH)
        except NotFoundError:
            return True
        parsed = Note.parse(note)
        signed = {(one.name, one.key_id) for one in parsed.signatures}
        if all((key.name, key.key_id) in signed for key in history.open):
            return True
        checkpoint = Checkpoint.parse(parsed.text)
        intent = self.decided(checkpoint.size)
        if intent is None or intent.root != checkpoint.root or checkpoint.origin != history.name:
            raise StaleLogError(
                f"the journal does not know the published checkpoint of {checkpoint.size}"
            )
        signer = JointSigner(history, [self.keys.of(key) for key in history.open])
        data = cosigned(note, signer.sign(checkpoint)).encode()
        return self.files.replace_larger(CHECKPOINT_PATH, data, size=_weight) == data

    def _published_size(self) -> int:
        try:
            return _checkpoint(self.files.read(CHECKPOINT_PATH)).size
        except NotFoundError:
            return 0


def _checkpoint(data: bytes) -> Checkpoint:
    return Checkpoint.parse(Note.parse(decode_text(data, what=CHECKPOINT_PATH)).text)


def _weight(data: bytes) -> int:
    """Return what orders notes: their size first, then how many signed."""
    note = Note.parse(decode_text(data, what=CHECKPOINT_PATH))
    return Checkpoint.parse(note.text).size * _MANY + len(note.signatures)
