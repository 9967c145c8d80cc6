"""As much of the Protocol Buffers encoding as a provider plugin needs to speak with Terraform.

https://protobuf.dev/programming-guides/encoding/: fields that are lengths and bytes, and small
numbers. The messages themselves are Terraform's ``tfplugin5.proto``.
"""

from collections.abc import Iterable

_LENGTH = 2  # the wire type of bytes, strings and messages


def message(*fields: tuple[int, bytes | str | int | bool]) -> bytes:
    """Encode a message of numbered fields; what is empty or zero is left out."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            if value:
                out += _varint(number << 3) + _varint(value)
            continue
        data = value.encode() if isinstance(value, str) else value
        out += _varint(number << 3 | _LENGTH) + _varint(len(data)) + data
    return bytes(out)


def entries(number: int, pairs: Iterable[tuple[str, bytes]]) -> list[tuple[int, bytes]]:
    """Return the fields of a map from strings to messages."""
    return [(number, message((1, key), (2, value))) for key, value in pairs]


def fields(data: bytes) -> dict[int, bytes]:
    """Decode a message: the last value of each field that has a length; numbers are skipped."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        tag, at = _read(data, at)
        value, at = _read(data, at)
        if tag & 7 == _LENGTH:
            found[tag >> 3] = data[at : at + value]
            at += value
    return found


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
