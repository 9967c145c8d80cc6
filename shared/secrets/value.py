"""A secret's bytes, which nothing shows by accident."""

from typing import Final, NoReturn

_SHOWN: Final = "SecretValue(…)"


class SecretValue:
    """What a secret holds; ``reveal`` is the only way to it.

    It has no other text than its name, and it is neither compared, hashed, copied nor pickled: a
    dump of an object that holds one fails instead of showing it.

    Args:
        data: the bytes, as they are stored.
    """

    __slots__ = ("_data",)

    def __init__(self, data: bytes) -> None:
        self._data = data

    def reveal(self) -> bytes:
        """Return the bytes, to be used at once and kept nowhere."""
        return self._data

    def __repr__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __eq__(self, other: object) -> NoReturn:
        """Refuse: ``==`` tells by its time how much of a guess was right."""
        raise TypeError("secrets are compared by hmac.compare_digest")

    __hash__ = None  # type: ignore[assignment]  # no key of a mapping, either

    def __reduce_ex__(self, *_: object) -> NoReturn:
        """Refuse to be pickled or copied."""
        raise TypeError("a secret is not copied")
