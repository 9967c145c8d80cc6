"""Published logs in a bucket, for who may only read; what never changes is kept for a while."""

from collections import OrderedDict
from threading import Lock
from typing import Final

from services.ledger.adapters.public_objects import PublicObjects
from services.ledger.adapters.published import Published
from services.ledger.served import TILES
from shared.objects.port import ObjectStore
from shared.tlog.errors import NotFoundError
from shared.tlog.reader import Reader

MOST_KEPT_BYTES: Final = 32 << 20
"""Of tiles and bundles of all logs together: the entries that auditors read now."""

CHECKED_NAME: Final = "ready"
"""What a check of the bucket asks for; nothing is ever there."""


class PublishedBucket(Published):
    """Finds logs as ``PublicObjects`` leaves them.

    Args:
        store: the bucket.
        most_bytes: what is kept of tiles and bundles.
    """

    def __init__(self, store: ObjectStore, *, most_bytes: int = MOST_KEPT_BYTES) -> None:
        kept = _Kept(most_bytes)
        super().__init__(
            _Checked(PublicObjects(store)),
            lambda tenant: _Log(_Checked(PublicObjects(store, f"{tenant}/")), tenant, kept),
        )
        self._store = store

    def check(self) -> None:
        """Ask the bucket something, for ``/ready``.

        Raises:
            TransientError: it does not answer.
        """
        self._store.stat(CHECKED_NAME)


class _Checked:
    """Objects of which no name is asked that none can have."""

    def __init__(self, objects: PublicObjects) -> None:
        self._objects = objects

    def read(self, path: str) -> bytes:
        try:
            return self._objects.read(path)
        except ValueError as err:
            raise NotFoundError("there is no such file") from err


class _Log:
    """The files of one log; a tile that was read once is the same for ever."""

    def __init__(self, files: Reader, tenant: str, kept: "_Kept") -> None:
        self._files = files
        self._tenant = tenant
        self._kept = kept

    def read(self, path: str) -> bytes:
        if not path.startswith(TILES):
            return self._files.read(path)
        name = f"{self._tenant}/{path}"
        data = self._kept.get(name)
        if data is None:
            data = self._files.read(path)
            self._kept.keep(name, data)
        return data


class _Kept:
    """The files that were asked for last, up to a number of bytes; threads share it."""

    def __init__(self, most_bytes: int) -> None:
        self._left = most_bytes
        self._lock = Lock()
        self._files: OrderedDict[str, bytes] = OrderedDict()

    def get(self, name: str) -> bytes | None:
        with self._lock:
            data = self._files.get(name)
            if data is not None:
                self._files.move_to_end(name)
            return data

    def keep(self, name: str, data: bytes) -> None:
        with self._lock:
            if name in self._files:
                return
            self._files[name] = data
            self._left -= len(data)
            while self._left < 0:
                self._left += len(self._files.popitem(last=False)[1])
