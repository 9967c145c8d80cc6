"""What lies in the inbox, before it is sealed: the sender's name for the file, then its bytes.

Layout: ``DLIN`` | version 1 | length of the header (4 bytes, big-endian) | header (JSON) | content.
The foreign name travels here only: never in an event, an object's name or a log. An entrance that
refuses an upload without reading it leaves the reason in the header and no content: ingest, the
register's only writer, books it. Who reads a header ignores fields that it does not know.
"""

import json
from dataclasses import dataclass, field
from typing import Final

from shared.telemetry.reasons import RefusedReason

_MAGIC: Final = b"DLIN\x01"
_LENGTH_BYTES: Final = 4
_START: Final = len(_MAGIC) + _LENGTH_BYTES

MOST_NAME: Final = 1024
"""Characters of a name that are kept."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: name and content are foreign, so neither is shown by ``repr``.

    Attributes:
        source_name: the sender's name for it.
        content: its bytes; none where it is refused.
        refused: why the entrance refused it unread; None for every other upload.
        parent: the e-mail's job, of an attachment; its event may get lost, and say it no more.
    """

    source_name: str = field(repr=False)
    content: bytes = field(repr=False)
    refused: RefusedReason | None = None
    parent: str | None = None


def pack(
    source_name: str,
    content: bytes,
    *,
    refused: RefusedReason | None = None,
    parent: str | None = None,
) -> bytes:
    """Return the bytes to seal; what UTF-8 cannot carry of a name becomes a question mark."""
    said = {"source_name": source_name[:MOST_NAME].encode("utf-8", "replace").decode()}
    if refused is not None:
        said["refused"] = refused.value
    if parent is not None:
        said["parent"] = parent
    header = json.dumps(said).encode()
    return b"".join((_MAGIC, len(header).to_bytes(_LENGTH_BYTES, "big"), header, content))


def unpack(packed: bytes) -> Upload:
    """Return what was packed.

    Raises:
        ValueError: these are no bytes that ``pack`` made.
    """
    end = _START + int.from_bytes(packed[len(_MAGIC) : _START], "big")
    if not packed.startswith(_MAGIC) or len(packed) < end:
        raise ValueError("not an upload of ours")
    header = json.loads(packed[_START:end])
    refused = header.get("refused")
    return Upload(
        source_name=str(header["source_name"]),
        content=packed[end:],
        refused=None if refused is None else RefusedReason(refused),
        parent=header.get("parent"),
    )
