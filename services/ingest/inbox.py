"""What lies in the inbox, before it is sealed: the sender's name for the file, then its bytes.

Layout: ``DLIN`` | version 1 | length of the header (4 bytes, big-endian) | header (JSON) | content.
The foreign name travels here only: never in an event, an object's name or a log.
"""

import json
from dataclasses import dataclass, field
from typing import Final

_MAGIC: Final = b"DLIN\x01"
_LENGTH_BYTES: Final = 4
_START: Final = len(_MAGIC) + _LENGTH_BYTES

MOST_NAME: Final = 1024
"""Characters of a name that are kept."""


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload: foreign on both counts, so neither is shown by ``repr``."""

    source_name: str = field(repr=False)
    content: bytes = field(repr=False)


def pack(source_name: str, content: bytes) -> bytes:
    """Return the bytes to seal; what UTF-8 cannot carry of a name becomes a question mark."""
    name = source_name[:MOST_NAME].encode("utf-8", "replace").decode()
    header = json.dumps({"source_name": name}).encode()
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
    return Upload(source_name=str(header["source_name"]), content=packed[end:])
