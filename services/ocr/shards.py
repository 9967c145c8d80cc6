"""The shards of one batch, put together by their index: pure rules.

They arrive as files in no order, whose names say nothing. Each tells its
index, and how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.ocr.answer import Json
from services.ocr.found import merged
from shared.errors import PermanentError
from shared.events.results import Extraction, Page
from shared.telemetry.reasons import QuarantineReason


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


def together(shards: Sequence[Shard], *, most: int) -> tuple[tuple[Page, ...], Extraction | None]:
    """Return the pages of all shards in order, and what was found on them.

    Args:
        shards: that are there.
        most: how many there can be: each has a page.

    Raises:
        MissingShardError: one is not there.
        PermanentError: ``unreadable``: they disagree on how many there are, or one has a place
            that is none of theirs. Whichever shard may still come, they cannot be put together.
    """
    by_index: dict[int, Shard] = {}
    for shard in shards:
        by_index.setdefault(shard.index, shard)
    if not by_index:
        raise MissingShardError
    counts = {shard.count for shard in shards}
    count = min(counts)
    # What a shard tells is foreign: no list is made as long as it says.
    if len(counts) > 1 or not max(by_index) < count <= most or min(by_index) < 0:
        raise PermanentError(QuarantineReason.UNREADABLE)
    if len(by_index) < count:
        raise MissingShardError
    ordered = [by_index[index] for index in range(count)]
    pages = tuple(page for shard in ordered for page in shard.pages)
    return pages, merged(shard.extraction for shard in ordered)
