"""The bytes of an entry in the log: what anyone may read, and what only the key's holder can open.

README.md lists what a leaf holds. The commitment's key is derived from the document's key, so that
destroying that one key leaves a leaf that still proves its place and no longer says of what.
"""

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Final

import rfc8785
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from services.ledger.entries import Posting
from services.ledger.money import scale_of
from shared.events.payloads import DocumentType, EntryKind
from shared.events.results import Summary
from shared.telemetry.reasons import HeldReason

LEAF_BYTES_MOST: Final = 65_535
"""An entry bundle gives a leaf's length in 16 bits (C2SP tlog-tiles)."""

LEAF_FORMAT: Final = "docledger.entry.v1"

_COMMITMENT_INFO: Final = b"docledger/ledger/commitment/v1"


PARTICULARS: Final = ("document_date", "fx", "period")
"""What only some entries say: the day that a document itself bears, where its entry counts later
(its period was closed); the rate of a conversion; the figures of a closed period."""


class LeafTooLargeError(Exception):
    """The leaf does not fit into an entry bundle."""


def commitment_key(document_key: bytes) -> bytes:
    """Return the 32-byte key of the commitment (HKDF-SHA256, RFC 5869).

    To open a commitment for an auditor, disclose this key and the fields, never the document's.
    """
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_COMMITMENT_INFO).derive(
        document_key
    )


def canonical_fields(summary: Summary) -> bytes:
    """Return type, fields and line items as RFC 8785 JSON: values only, without evidence."""
    items = [
        {name: found["value"] for name, found in item.items()}
        for item in (
            line.model_dump(include=_LINE_VALUES, exclude_none=True) for line in summary.line_items
        )
    ]
    return rfc8785.dumps(
        {
            "document_type": summary.document_type.value,
            "fields": {name: found.value for name, found in summary.fields.items()},
            "line_items": items,
        }
    )


_LINE_VALUES = {name: {"value"} for name in ("description", "quantity", "unit_price", "amount")}


def commitment(document_key: bytes, summary: Summary) -> str:
    """Return HMAC-SHA256 over the canonical fields, hex."""
    mac = hmac.new(commitment_key(document_key), canonical_fields(summary), hashlib.sha256)
    return mac.hexdigest()


def leaf_bytes(  # noqa: PLR0913 - these are what a leaf says
    *,
    entry_id: str,
    kind: EntryKind,
    revision: int,
    ordinal: int,
    commitment: str,
    document_type: DocumentType | None,
    date: dt.date | None,
    reason: HeldReason | None,
    postings: tuple[Posting, ...],
    settles: str | None,
    actor: str | None,
    links: str | None = None,
    approver: str | None = None,
    particulars: str = "",
) -> bytes:
    """Return the leaf: RFC 8785 JSON of strings and integers below 2^53, ASCII keys.

    Raises:
        LeafTooLargeError: over 65,535 bytes.
    """
    content: dict[str, object] = {
        "format": LEAF_FORMAT,
        "id": entry_id,
        "kind": kind.value,
        "ordinal": ordinal,
        "revision": revision,
    }
    optional = {
        "actor": actor,
        "approver": approver,
        "commitment": commitment or None,
        "date": date.isoformat() if date else None,
        "links": links,
        "reason": reason.value if reason else None,
        "settles": settles,
        "type": document_type.value if document_type else None,
    }
    content.update({key: value for key, value in optional.items() if value is not None})
    if particulars:
        said = json.loads(particulars)
        content.update({key: said[key] for key in PARTICULARS if key in said})
    if postings:
        content["postings"] = [
            {
                "account": posting.account,
                "amount": posting.amount,
                "currency": posting.currency,
                "scale": scale_of(posting.currency),
            }
            for posting in postings
        ]
    leaf = rfc8785.dumps(content)  # type: ignore[arg-type] # its JSON type is invariant
    if len(leaf) > LEAF_BYTES_MOST:
        raise LeafTooLargeError
    return leaf


def particulars_in(said: Mapping[str, object]) -> str:
    """Return the particulars of what a leaf says, as ``Entry`` keeps them."""
    found = {key: said[key] for key in PARTICULARS if key in said}
    return rfc8785.dumps(found).decode() if found else ""  # type: ignore[arg-type] # as above


def read_leaf(leaf: bytes) -> dict[str, object]:
    """Return what a leaf says; nothing when it is none of ours."""
    try:
        content = json.loads(leaf)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
