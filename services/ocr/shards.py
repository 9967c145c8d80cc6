"""The shards of one batch, put together by their index: pure rules.

They arrive as files in no order, whose names say nothing. Each tells its
index, and how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ocr.answer import Json
from services.ocr.found import merged
from shared.events.results import Extraction, Page


class MissingShardError(Exception):
    """Not every shard is there (yet)."""


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard.

    Attributes:
        index: from 0.
        count: of all shards.
        pages: of this one.
        extraction: what was found on them.
    """

    index: int
    count: int
    pages: tuple[Page, ...]
    extraction: Extraction | None


def place_of(document: Json) -> tuple[int, int]:
    """Return index and count of a shard; a batch that was not cut is one shard of one."""
    told = document.get("shardInfo", {})
    return int(told.get("shardIndex", 0)), int(told.get("shardCount", 1))


def together(shards: Sequence[Shard]) -> tuple[tuple[Page, ...], Extraction | None]:
    """Return the pages of all shards in order, and what was found on them.

    Raises:
        MissingShardError: one is not there, or they disagree on how many there are.
    """
    by_index: dict[int, Shard] = {}
    for shard in shards:
        by_index.setdefault(shard.index, shard)
    counts = {shard.count for shard in shards}
    indexes = sorted(by_index)
    # What a shard tells is foreign: no list is made as long as it says.
    if counts != {len(indexes)} or indexes != list(range(len(indexes))):
        raise MissingShardError
    ordered = [by_index[index] for index in indexes]
    pages = tuple(page for shard in ordered for page in shard.pages)
    return pages, merged(shard.extraction for shard in ordered)
