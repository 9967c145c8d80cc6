"""Sealed entries as an auditor reads them: what the leaf says, and nothing that it does not say.

They come from the published log, not from the journal: what is told here is what can be proved.
"""

import base64
from itertools import islice
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ledger.api_log import PublishedLog
from services.ledger.leaf import LEAF_FORMAT, read_leaf
from shared.events.payloads import DocumentType, EntryKind, Identifier
from shared.telemetry.reasons import HeldReason
from shared.tlog.checkpoint import SignedCheckpoint
from shared.tlog.errors import MalformedError, NotFoundError
from shared.tlog.proof import prove
from shared.tlog.reader import iter_leaves, read_checkpoint
from shared.tlog.reader import read_leaf as read_published_leaf

MOST_ENTRIES: Final = 256
"""Entries a page: they lie in two bundles at most."""

_OF_OURS: Final = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class PostingView(BaseModel):
    """One line of an entry."""

    model_config = _OF_OURS

    account: str = Field(description="its code in the chart")
    amount: int = Field(description="in minor units; a debit is positive")
    currency: str = Field(description="ISO 4217")
    scale: int = Field(description="digits behind the point that the minor unit stands for")


class EntryView(BaseModel):
    """One entry that a signed checkpoint covers."""

    model_config = _OF_OURS

    index: int = Field(description="in the tenant's log, from 0")
    id: Identifier
    kind: EntryKind
    revision: int
    ordinal: int
    type: DocumentType | None = None
    date: Annotated[str | None, Field(description="of posts and reversals, ISO 8601")] = None
    reason: HeldReason | None = None
    postings: tuple[PostingView, ...] = ()
    settles: Identifier | None = Field(
        default=None, description="the id of the entry whose state this one ends"
    )
    actor: Identifier | None = Field(default=None, description="who decided, as an opaque id")
    commitment: str | None = Field(
        default=None, description="HMAC over the document's fields, opened with a disclosed key"
    )


class SealedEntry(EntryView):
    """One entry with the bytes that the log hashes."""

    leaf: str = Field(description="exactly the leaf, base64: what a proof is about")


class EntryPage(BaseModel):
    """Entries in the order of the log."""

    tree_size: int = Field(description="how many the published checkpoint covers")
    entries: tuple[EntryView, ...]
    next: int | None = Field(description="``after`` of the next page; null on the last one")


def page_of(log: PublishedLog, *, after: int, limit: int) -> EntryPage:
    """Return up to ``limit`` entries that follow index ``after``.

    Raises:
        TlogError: the published log is damaged.
    """
    signed = _published(log)
    if signed is None:
        return EntryPage(tree_size=0, entries=(), next=None)
    size = signed.checkpoint.size
    leaves = islice(iter_leaves(log.files, size, start=after + 1), limit)
    entries = tuple(_view(index, leaf) for index, leaf in enumerate(leaves, after + 1))
    last = after + len(entries)
    return EntryPage(
        tree_size=size, entries=entries, next=last if entries and last + 1 < size else None
    )


def entry_at(log: PublishedLog, index: int) -> SealedEntry | None:
    """Return one entry, None where the checkpoint covers none of that index.

    Raises:
        TlogError: the published log is damaged.
    """
    signed = _covering(log, index)
    if signed is None:
        return None
    leaf = read_published_leaf(log.files, index, signed.checkpoint.size)
    encoded = base64.b64encode(leaf).decode("ascii")
    return SealedEntry(**_view(index, leaf).model_dump(), leaf=encoded)


def proof_of(log: PublishedLog, index: int) -> str | None:
    """Return the ``.tlog-proof`` of one entry, None where the checkpoint covers none.

    Raises:
        TlogError: the published log is damaged.
    """
    signed = _covering(log, index)
    return None if signed is None else prove(log.files, signed, index)


def _covering(log: PublishedLog, index: int) -> SignedCheckpoint | None:
    signed = _published(log)
    return signed if signed is not None and index < signed.checkpoint.size else None


def _published(log: PublishedLog) -> SignedCheckpoint | None:
    try:
        return read_checkpoint(log.files, log.key)
    except NotFoundError:
        return None


def _view(index: int, leaf: bytes) -> EntryView:
    content = read_leaf(leaf)
    view: EntryView | None = None
    if content.get("format") == LEAF_FORMAT:
        try:
            view = EntryView.model_validate({**content, "index": index})
        except ValidationError:
            view = None
    if view is None:
        raise MalformedError(f"leaf {index} is no entry of ours")
    return view
