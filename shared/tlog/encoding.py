"""Decimals and base64 with exactly one spelling for each value.

A format that allows two spellings lets somebody change a file without changing what it says; the
standard library's decoders allow many.
"""

import base64
import binascii
import re
from typing import Final

from shared.tlog.errors import MalformedError

MOST_LEAVES: Final = (1 << 63) - 1
"""Sizes and indices fit a signed 64-bit integer, as they do in every other implementation."""

HASH_BYTES: Final = 32

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


def parse_decimal(text: str, *, what: str) -> int:
    """Read ASCII decimal digits without sign, spaces or leading zeros.

    Args:
        text: the digits.
        what: names the value in the error.

    Raises:
        MalformedError: another spelling, or beyond 2⁶³-1.
    """
    if not _DECIMAL.fullmatch(text):
        raise MalformedError(f"{what} is not a decimal number without leading zeros")
    value = int(text)
    if value > MOST_LEAVES:
        raise MalformedError(f"{what} is beyond 2^63-1")
    return value


def encode_base64(data: bytes) -> str:
    """Return standard base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: str, *, what: str) -> bytes:
    """Read canonical standard base64: padded, no other characters, unused bits zero.

    Raises:
        MalformedError: anything that does not encode back to the same text.
    """
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as err:
        raise MalformedError(f"{what} is not base64") from err
    if encode_base64(data) != text:
        raise MalformedError(f"{what} is not canonical base64")
    return data


def decode_hash(text: str, *, what: str) -> bytes:
    """Read the base64 of exactly 32 bytes.

    Raises:
        MalformedError: not canonical base64, or another length.
    """
    data = decode_base64(text, what=what)
    if len(data) != HASH_BYTES:
        raise MalformedError(f"{what} has {len(data)} bytes instead of {HASH_BYTES}")
    return data
