"""What the auditor API shows: what a leaf or a checkpoint says, and nothing besides."""

from datetime import datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.ledger.leaf import LEAF_FORMAT, read_leaf
from shared.events.payloads import DocumentType, EntryKind, Identifier
from shared.telemetry.reasons import HeldReason
from shared.tlog.errors import MalformedError

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
    date: Annotated[str | None, Field(description="on which it counts, ISO 8601")] = None
    reason: HeldReason | None = None
    postings: tuple[PostingView, ...] = ()
    settles: Identifier | None = Field(
        default=None, description="the id of the entry whose state this one ends"
    )
    links: Identifier | None = Field(
        default=None, description="the id of the post that a conversion belongs to"
    )
    actor: Identifier | None = Field(default=None, description="who decided, as an opaque id")
    approver: Identifier | None = Field(
        default=None, description="the second person, where one was needed, as an opaque id"
    )
    commitment: str | None = Field(
        default=None, description="HMAC over the document's fields, opened with a disclosed key"
    )


class SealedEntry(EntryView):
    """One entry with the bytes that the log hashes."""

    leaf: str = Field(description="exactly the leaf, base64: what a proof is about")


class EntryPage(BaseModel):
    """Entries in the order of the log, or the other way round."""

    tree_size: int = Field(description="of the log as it is listed; `since` of what comes later")
    entries: tuple[EntryView, ...]
    next: str | None = Field(
        description="`cursor` of the next page; null on the last one. A page may be short, even "
        "empty, before the last one: a filter looks at so many entries a request"
    )


class CheckpointView(BaseModel):
    """One signed checkpoint of the log."""

    size: int = Field(description="entries that it covers")
    root: str = Field(description="RFC 6962 root hash, base64")
    recorded_at: datetime | None = Field(
        description="when the ledger put it on record, by its own clock: no signature covers this"
    )
    note: str = Field(description="the signed note, byte for byte")
    key_closed: bool = Field(
        description="the keys that signed it were closed at a smaller size: it counts no more, and "
        "nothing is proved at this size"
    )


class CheckpointPage(BaseModel):
    """The history of checkpoints, by size."""

    checkpoints: tuple[CheckpointView, ...]
    next: int | None = Field(description="`after` of the next page; null on the last one")


class ConsistencyView(BaseModel):
    """The log of one checkpoint begins with the log of an earlier one."""

    earlier: CheckpointView
    later: CheckpointView
    hashes: tuple[str, ...] = Field(description="RFC 6962 consistency proof, base64, in its order")


def view_of(index: int, leaf: bytes) -> EntryView:
    """Return what the leaf at ``index`` says.

    Raises:
        MalformedError: it is no entry of ours.
    """
    content = read_leaf(leaf)
    if content.get("format") == LEAF_FORMAT:
        try:
            return EntryView.model_validate({**content, "index": index})
        except ValidationError:
            pass
    raise MalformedError(f"leaf {index} is no entry of ours")
