"""Marks of erasure, checked before a worker handles, writes or publishes."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Final

from shared.objects.port import AlreadyExistsError, NotFoundError, ObjectStore
from shared.worker import names

_BEGUN: Final = "erasing/"


class Tombstones:
    """Which documents were erased.

    Args:
        objects: where tombstones stand; nothing in this code deletes one.
    """

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    def stands(self, document_id: str) -> bool:
        """Tell whether the document was erased."""
        return self._objects.stat(names.tombstone(document_id)) is not None

    def since(self, document_id: str) -> datetime | None:
        """Return when the document was marked; None when it was not."""
        try:
            mark = json.loads(self._objects.read(names.tombstone(document_id)).data)
        except NotFoundError:
            return None
        return datetime.fromisoformat(mark["erased"])

    def begin(self, tenant: str, document_id: str, *, at: datetime) -> None:
        """Note that a document is being erased with its parts, until ``end``.

        Whoever dies in between leaves the note, and somebody else goes on.
        """
        note = json.dumps({"tenant": tenant, "begun": at.isoformat()}).encode()
        try:
            self._objects.create(f"{_BEGUN}{document_id}", note)
        except AlreadyExistsError:
            return

    def begun(self) -> Iterator[tuple[str, str, datetime]]:
        """Yield tenant, document and moment of what was begun and not ended."""
        for info in list(self._objects.list(_BEGUN)):
            try:
                note = json.loads(self._objects.read(info.name).data)
            except NotFoundError:
                continue
            at = datetime.fromisoformat(note["begun"])
            yield note["tenant"], info.name.removeprefix(_BEGUN), at

    def end(self, document_id: str) -> None:
        """Note that nothing of the document or of its parts is left to be erased."""
        self._objects.delete(f"{_BEGUN}{document_id}")

    def put(self, document_id: str, *, at: datetime) -> None:
        """Mark the document as erased; once is enough, and the first moment stays."""
        body = json.dumps({"erased": at.isoformat()}).encode()
        try:
            self._objects.create(names.tombstone(document_id), body)
        except AlreadyExistsError:
            return
