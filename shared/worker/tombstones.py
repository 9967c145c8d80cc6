"""Marks of erasure, checked before a worker handles, writes or publishes."""

import json
from datetime import datetime

from shared.objects.port import AlreadyExistsError, NotFoundError, ObjectStore
from shared.worker import names


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

    def put(self, document_id: str, *, at: datetime) -> None:
        """Mark the document as erased; once is enough, and the first moment stays."""
        body = json.dumps({"erased": at.isoformat()}).encode()
        try:
            self._objects.create(names.tombstone(document_id), body)
        except AlreadyExistsError:
            return
