"""Wrapping every key again under the newest version of the KEK, so that older ones can go.

No content is touched: a key stays what it is, only its wrapping changes. Each key is one atomic
replacement, so the same call again goes on where the last one was killed; a key that is destroyed
meanwhile stays destroyed.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from shared.errors import UserError
from shared.keys.kek import KeyDamagedError, Wrapped
from shared.keys.port import KeyMissingError
from shared.keys.wrapping import WrappedKeyring


@dataclass(frozen=True, slots=True)
class Standing:
    """By which versions the keys are wrapped.

    Attributes:
        newest: the label of the version that wraps now.
        wrapped: how many keys each version wrapped, by label; versions without keys are there too.
        damaged: keys that are none of ours, or cut short.
    """

    newest: str
    wrapped: dict[str, int]
    damaged: int

    @property
    def remaining(self) -> int:
        """Return how many keys an older version still has to open."""
        return self.damaged + sum(
            count for label, count in self.wrapped.items() if label != self.newest
        )


def standing(keyring: WrappedKeyring) -> Standing:
    """Count the keys by version; opens none.

    Raises:
        TransientError: the keys or the KEK are unavailable.
    """
    counted = Counter({label: 0 for kek in keyring.keks for label in kek.versions()})
    damaged = 0
    for name in keyring.stored.names():
        try:
            counted[Wrapped.parse(keyring.stored.read(name)).label] += 1
        except KeyMissingError:
            continue
        except KeyDamagedError:
            damaged += 1
    return Standing(keyring.kek.newest(), dict(counted), damaged)


def rewrap(keyring: WrappedKeyring, *, on_progress: Callable[[int], None] | None = None) -> int:
    """Wrap every key under the newest version; return how many were not.

    Args:
        keyring: whose keys.
        on_progress: told how many are done, after each.

    Raises:
        TransientError: the keys or the KEK are unavailable; call it again.
    """
    newest, stored, done = keyring.kek.newest(), keyring.stored, 0
    for name in stored.names():
        try:
            lying = stored.read(name)
            wrapped = Wrapped.parse(lying)
            if wrapped.label == newest:
                continue
            again = keyring.wrapped(name, keyring.unwrapped(name, wrapped))
        except (KeyMissingError, KeyDamagedError):
            continue  # erased meanwhile; or counted by ``standing``, and no version can go
        if stored.replace(name, lying, bytes(again)):
            done += 1
            if on_progress is not None:
                on_progress(done)
    return done


def destroy_older(keyring: WrappedKeyring) -> list[str]:
    """Destroy every version of the KEK but the newest; return their labels.

    Raises:
        UserError: a key still needs one of them.
        TransientError: the keys or the KEK are unavailable.
    """
    now = standing(keyring)
    if now.remaining:
        raise UserError(
            f"{now.remaining} keys are not wrapped by {now.newest}: 'docledger keys rewrap' first"
        )
    older = [
        (kek, label) for kek in keyring.keks for label in kek.versions() if label != now.newest
    ]
    for kek, label in older:
        kek.destroy(label)
    return [label for _, label in older]
