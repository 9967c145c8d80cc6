"""Looking for given bytes in a data folder, in the forms in which software stores them."""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

import numpy as np
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from examples.canaries import Canaries
from examples.truth import Example
from shared.events.results import FieldName
from shared.keys.envelope import SealBrokenError, unseal

PERSONAL: Final[tuple[FieldName, ...]] = (
    "supplier_name",
    "supplier_address",
    "supplier_tax_id",
    "receiver_name",
    "invoice_id",
)
SHORTEST: Final = 8
"""Of a field's value: shorter ones occur by chance."""

_SLICE: Final = 24
_MAGIC: Final = b"DLSE"
_START: Final = 8
_BITS: Final = 20
_MIX: Final = 0x9E3779B97F4A7C15  # odd, its bits well spread (Knuth, TAOCP 6.4)


def forms_of(needle: bytes) -> set[bytes]:
    """Return every form in which ``needle`` could stand in a file, in lower case."""
    forms = {needle, needle.hex().encode(), json.dumps(needle.decode("latin-1"))[1:-1].encode()}
    forms |= {quote(needle, safe="").encode(), quote_plus(needle).encode()}
    try:
        text = needle.decode()
    except UnicodeDecodeError:
        text = ""
    if text:
        forms |= {text.encode("utf-16-le"), text.encode("utf-16-be"), text[::-1].encode()}
        forms.add(json.dumps(text)[1:-1].encode())
    for shift in range(3):  # base64 of a text that has the needle somewhere in it
        encoded = base64.b64encode(bytes(shift) + needle + bytes(3))
        inner = encoded[4 if shift else 0 : 4 * ((shift + len(needle)) // 3)]
        forms |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    return {form.lower() for form in forms}


def slices_of(content: bytes) -> set[bytes]:
    """Return pieces of a file's bytes: what is compressed in it would show by these."""
    steps = range(0, max(1, len(content) - _SLICE), max(1, len(content) // 16))
    return {content[at : at + _SLICE] for at in steps if len(set(content[at : at + _SLICE])) > 8}


def needles_of(canaries: Canaries, example: Example) -> set[bytes]:
    """Return what would betray an example: its personal data, and pieces of its bytes."""
    found: set[bytes] = set()
    for part in (example, *example.attachments):
        for piece in slices_of(part.content):
            found.add(piece.lower())
    for needle in canaries.needles():
        found |= forms_of(needle)
    return found


def fields_of(examples: Iterable[Example]) -> set[bytes]:
    """Return the names, addresses, tax ids, invoice ids and descriptions in examples."""
    found = set()
    for example in examples:
        for one in (example, *example.attachments):
            values = [one.truth.fields.get(name) for name in PERSONAL]
            values += [line.description for line in one.truth.line_items]
            found |= {value.encode().lower() for value in values if value}
    return {value for value in found if len(value) >= SHORTEST}


def seen_in(haystack: bytes, needles: Iterable[bytes]) -> set[bytes]:
    """Return the needles that stand in ``haystack``, whatever their case."""
    return Seeker(needles).seen_in(haystack)


class Seeker:
    """Looks for thousands of needles at once.

    Their first eight bytes are looked up at every place of a haystack, all places at a time; what
    is shorter than eight bytes is looked for by itself.

    Args:
        needles: in lower case.
    """

    def __init__(self, needles: Iterable[bytes]) -> None:
        self._short: list[bytes] = []
        self._by_start: dict[bytes, list[bytes]] = {}
        for needle in needles:
            if len(needle) < _START:
                self._short.append(needle)
            else:
                self._by_start.setdefault(needle[:_START], []).append(needle)
        self._marked = np.zeros(1 << _BITS, dtype=np.bool_)
        starts = np.frombuffer(b"".join(self._by_start), dtype="<u8")
        self._marked[self._marks(starts)] = True

    def seen_in(self, haystack: bytes) -> set[bytes]:
        """Return the needles that stand in ``haystack``, whatever their case."""
        lowered = haystack.lower()
        found = {needle for needle in self._short if needle in lowered}
        for shift in range(_START):
            count = (len(lowered) - shift) // _START
            if count <= 0:
                break
            words = np.frombuffer(lowered, dtype="<u8", count=count, offset=shift)
            for place in np.flatnonzero(self._marked[self._marks(words)]):
                at = int(place) * _START + shift
                for needle in self._by_start.get(lowered[at : at + _START], ()):
                    if needle not in found and lowered.startswith(needle, at):
                        found.add(needle)
        return found

    @staticmethod
    def _marks(words: "np.ndarray[Any, np.dtype[np.uint64]]") -> Any:
        return (words * np.uint64(_MIX)) >> np.uint64(64 - _BITS)


def seen_below(folder: Path, needles: set[bytes]) -> dict[str, set[bytes]]:
    """Return by path which needles stand in the clear below a folder, file names included."""
    found: dict[str, set[bytes]] = {}
    seeker = Seeker(needles)
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        content = content_of(path)
        if seen := seeker.seen_in(name.encode("utf-8", "surrogateescape") + b"\n" + content):
            found[name] = seen
    return found


def content_of(path: Path) -> bytes:
    """Return what is in a file; nothing of a folder, nor of what a server has just removed."""
    try:
        return path.read_bytes() if path.is_file() else b""
    except FileNotFoundError:
        return b""


def keys_of(data: Path) -> set[bytes]:
    """Return every key that can be had from a data folder: those in it, and those they open."""
    folder = data / "keys"
    kek = bytes.fromhex((folder / "kek").read_text(encoding="ascii"))
    keys = {kek}
    for path in folder.rglob("*"):
        if path.is_file() and path.read_bytes().startswith(_MAGIC):
            keys.add(unseal(kek, path.read_bytes(), name=f"keys/{path.relative_to(folder)}"))
    for path in (data / "signers").glob("*.pem"):
        private = load_pem_private_key(path.read_bytes(), None)
        keys.add(private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption()))
    return keys


def opened_by_any_key(data: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and plaintext of every sealed object that some remaining key opens."""
    keys = keys_of(data)
    folder = data / "objects"
    for path in folder.rglob("*"):
        sealed = path.read_bytes() if path.is_file() else b""
        if not sealed.startswith(_MAGIC):
            continue
        name = str(path.relative_to(folder))
        for key in keys:
            try:
                yield name, unseal(key, sealed, name=name)
            except SealBrokenError:
                continue
