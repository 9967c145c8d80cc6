"""Wrapped keys as objects: ``keys/<name>``, where no folder is shared between the workers.

The bucket is for keys alone: without soft delete, retention or long backups, or what was destroyed
comes back from there. Older generations, where a bucket keeps them, are destroyed with the key.
"""

from collections.abc import Iterator
from typing import Final

from shared.keys.port import KeyMissingError
from shared.keys.stored import TENANTS
from shared.objects.port import (
    AlreadyExistsError,
    GenerationMismatchError,
    NotFoundError,
    ObjectStore,
)
from shared.objects.versions import Versions

_PREFIX: Final = "keys/"


class KeyObjects:
    """``StoredKeys`` on an object store; compare-and-swap is the store's.

    Args:
        objects: the store.
        versions: its older generations, where it may keep some.
    """

    def __init__(self, objects: ObjectStore, versions: Versions | None = None) -> None:
        self._objects = objects
        self._versions = versions

    def __repr__(self) -> str:
        return "KeyObjects()"

    def read(self, name: str) -> bytes:
        """Return what is stored; see ``StoredKeys``."""
        try:
            return self._objects.read(_PREFIX + name).data
        except NotFoundError:
            raise KeyMissingError("there is no such key: destroyed, or never made") from None

    def create(self, name: str, data: bytes) -> bool:
        """Store ``data`` if nothing is there; see ``StoredKeys``."""
        try:
            self._objects.create(_PREFIX + name, data)
        except AlreadyExistsError:
            return False
        return True

    def replace(self, name: str, old: bytes, new: bytes) -> bool:
        """Store ``new`` where ``old`` is, if it still is; see ``StoredKeys``."""
        try:
            lying = self._objects.read(_PREFIX + name)
            if lying.data != old:
                return False
            self._objects.replace(_PREFIX + name, new, generation=lying.info.generation)
        except (NotFoundError, GenerationMismatchError):
            return False
        return True

    def destroy(self, name: str) -> None:
        """Remove what is stored; see ``StoredKeys``."""
        self._objects.delete(_PREFIX + name)
        if self._versions is not None:
            self._versions.purge(_PREFIX + name)

    def has(self, name: str) -> bool:
        """Tell whether something is stored, by listing it; see ``StoredKeys``."""
        return any(info.name == _PREFIX + name for info in self._objects.list(_PREFIX + name))

    def names(self) -> Iterator[str]:
        """Return the names of the keys that are there, tenants' first."""
        tenants = f"{_PREFIX}{TENANTS}/"
        for info in self._objects.list(tenants):
            yield info.name.removeprefix(_PREFIX)
        for info in self._objects.list(_PREFIX):
            if not info.name.startswith(tenants):
                yield info.name.removeprefix(_PREFIX)
