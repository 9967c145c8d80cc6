"""Looking for given bytes in a data folder, in the forms in which software stores them."""

import base64
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from examples.canaries import Canaries
from examples.truth import Example
from shared.keys.envelope import SealBrokenError, unseal

_SLICE: Final = 24
_MAGIC: Final = b"DLSE"


def forms_of(needle: bytes) -> set[bytes]:
    """Return every form in which ``needle`` could stand in a file, in lower case."""
    forms = {needle, needle.hex().encode(), json.dumps(needle.decode("latin-1"))[1:-1].encode()}
    if needle.isascii():
        text = needle.decode("ascii")
        forms |= {text.encode("utf-16-le"), text.encode("utf-16-be"), text[::-1].encode()}
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


def seen_in(haystack: bytes, needles: Iterable[bytes]) -> set[bytes]:
    """Return the needles that stand in ``haystack``, whatever their case."""
    lowered = haystack.lower()
    return {needle for needle in needles if needle in lowered}


def seen_below(folder: Path, needles: set[bytes]) -> dict[str, set[bytes]]:
    """Return by path which needles stand in the clear below a folder, file names included."""
    found: dict[str, set[bytes]] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        content = path.read_bytes() if path.is_file() else b""
        if seen := seen_in(name.encode("utf-8", "surrogateescape") + b"\n" + content, needles):
            found[name] = seen
    return found


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
