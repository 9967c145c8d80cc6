"""The page ranges of long documents, as the edge stored them."""

import re
from typing import Final

from shared.events.results import PageRange
from shared.keys.vault import Vault
from shared.objects.port import ObjectStore
from shared.worker.names import page_range
from shared.worker.results import result_in

_RANGE: Final = re.compile(r"(\d+)-(\d+)\Z")


class StoredRanges:
    """Finds and opens stored page ranges; see ``services.ocr.ports.PageRanges``.

    Args:
        vault: opens what the edge sealed.
        objects: the store below it, to be listed.
    """

    def __init__(self, vault: Vault, objects: ObjectStore) -> None:
        self._vault = vault
        self._objects = objects

    def stored(self, document_id: str, revision: int) -> list[tuple[int, int]]:
        """Return first and last page of every range that is stored."""
        prefix = page_range(document_id, revision, 0, 0).removesuffix("0-0")
        names = (_RANGE.fullmatch(o.name.removeprefix(prefix)) for o in self._objects.list(prefix))
        return [(int(name[1]), int(name[2])) for name in names if name is not None]

    def open(self, document_id: str, revision: int, first: int, last: int) -> PageRange:
        """Return a stored range."""
        name = page_range(document_id, revision, first, last)
        return result_in(self._vault.open(name), PageRange)
