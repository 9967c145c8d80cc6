"""Deterministic identifiers: the same work gives the same id, and nobody outside can test a guess.

Every id is an HMAC-SHA256 under a key of the tenant, over length-prefixed parts, as lower-case hex.
"""

import hashlib
import hmac
from typing import Final

ID_HEX_LENGTH: Final = 40
"""160 bits: no collision in any store that we will see, and short enough for a path."""

_SHORT: Final = 4_096  # bytes that may be copied together


def keyed_id(key: bytes, *parts: bytes | str | int) -> str:
    """Return the HMAC of ``parts`` under ``key`` as 40 hex characters.

    Each part is prefixed with its length, so that no two lists of parts meet in one input.
    """
    framed: list[bytes] = []
    for part in parts:
        encoded = part if isinstance(part, bytes) else str(part).encode()
        framed += (len(encoded).to_bytes(8, "big"), encoded)
    if sum(map(len, framed)) <= _SHORT:  # every id but a document's: one call is much cheaper
        return hmac.digest(key, b"".join(framed), "sha256").hex()[:ID_HEX_LENGTH]
    mac = hmac.new(key, digestmod=hashlib.sha256)
    for piece in framed:
        mac.update(piece)
    return mac.hexdigest()[:ID_HEX_LENGTH]


def document_id(tenant_key: bytes, content: bytes) -> str:
    """Return the id of a document: same tenant and bytes, same document."""
    return keyed_id(tenant_key, "document", content)


def event_id(  # noqa: PLR0913 - these six are the identity of an event
    tenant_key: bytes, *, subject: str, revision: int, type_: str, part: int = 0, replay: int = 0
) -> str:
    """Return the id of an event; redelivery and recomputation give the same one.

    Args:
        tenant_key: the tenant's id key.
        subject: the document (or the job, before there is a document).
        revision: of the document, from 0.
        type_: the event type.
        part: which of several events of one type (a page range's first page), 0 where there is one.
        replay: counts up each time a person replays the work.
    """
    return keyed_id(tenant_key, "event", subject, revision, type_, part, replay)


def origin_of(job_id: str) -> str:
    """Return the traceparent (W3C Trace Context) in which a job's work begins.

    Made from the job, so whoever has to announce it again continues the same trace.
    """
    return f"00-{job_id[:32]}-{job_id[-16:]}-01"
