import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import RolledBackError, TlogError, VerificationError
from shared.tlog.reader import DirectoryReader, Reader
from shared.tlog.signer import Ed25519Signer
from shared.tlog.tiles import MOST_FILE_BYTES
from shared.tlog.verify import verify_log
from tests.shared.tlog.naive import NaiveLog, files_at, tree_hash


class Only:
    """A reader that cannot list, like a web server."""

    def __init__(self, log: Reader) -> None:
        self.read = log.read


@pytest.fixture(scope="session")
def log(signer: Ed25519Signer, some_leaves: list[bytes]) -> NaiveLog:
    """A log with the partial tiles of four earlier checkpoints."""
    return NaiveLog(signer, some_leaves[:700], sizes=[1, 255, 256, 600])


def broken(log: NaiveLog, **changes: bytes) -> NaiveLog:
    """Return the log with some files changed; ``__`` stands for a slash, ``_p_`` for ``.p/``."""
    other = object.__new__(NaiveLog)
    other.__dict__ = dict(log.__dict__)
    names = {k.replace("_p_", ".p/").replace("__", "/"): v for k, v in changes.items()}
    assert names.keys() <= log.files.keys()
    other.files = {**log.files, **names}
    return other


def flipped(data: bytes, place: int, bit: int = 0) -> bytes:
    """Return the data with one bit flipped."""
    changed = bytearray(data)
    changed[place] ^= 1 << bit
    return bytes(changed)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700])
def test_a_log_of_any_size_verifies(
    signer: Ed25519Signer, some_leaves: list[bytes], size: int
) -> None:
    """Empty, one leaf, full tiles and partial ones."""
    log = NaiveLog(signer, some_leaves[:size])
    seen: list[int] = []
    verified = verify_log(log, signer.key, on_progress=seen.append)
    assert (verified.origin, verified.size) == (signer.key.name, size)
    assert verified.root == tree_hash(some_leaves[:size])
    assert seen == [*range(256, size, 256), *([size] if size else [])]


def test_a_log_that_reaches_level_two_verifies_and_its_upper_tiles_matter(
    signer: Ed25519Signer, some_leaves: list[bytes]
) -> None:
    """Full tiles of level 1 are compared with the tiles below, partial ones of level 2 too."""
    log = NaiveLog(signer, some_leaves)
    assert verify_log(log, signer.key).size == 70_000
    for path, place, leaf in (
        ("tile/1/000", 255, 255 * 256),
        ("tile/1/001.p/17", 3, 65_536 + 3 * 256),
        ("tile/2/000.p/1", 0, 0),
    ):
        whole = log.files[path]
        log.files[path] = flipped(whole, place * 32 + 31)
        with pytest.raises(VerificationError, match="tiles below") as caught:
            verify_log(log, signer.key)
        log.files[path] = whole
        assert (caught.value.place, caught.value.index) == (path, leaf)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_caught(
    log: NaiveLog, signer: Ed25519Signer, data: st.DataObject
) -> None:
    """In any tile, bundle or checkpoint, those of earlier sizes too."""
    path = data.draw(st.sampled_from(sorted(log.files)))
    place = data.draw(st.integers(0, len(log.files[path]) - 1))
    changed = broken(log)
    changed.files[path] = flipped(log.files[path], place, data.draw(st.integers(0, 7)))
    with pytest.raises(VerificationError) as caught:
        verify_log(changed, signer.key)
    if path == "checkpoint":
        assert caught.value.place == "checkpoint"
        return
    level, number = re.search(r"/(\w+)/(\d+)", path).groups()  # type: ignore[union-attr]
    span = 256 if level in {"entries", "0"} else 256**2
    assert caught.value.index is not None
    assert caught.value.index // span == int(number)
    assert number in caught.value.place


def test_every_single_bit_of_a_small_log_matters(
    signer: Ed25519Signer, some_leaves: list[bytes]
) -> None:
    """Not a sample: each bit of each byte of each file of a log of five leaves."""
    log = NaiveLog(signer, some_leaves[:5], sizes=[2])
    for path, data in log.files.items():
        for place in range(8 * len(data)):
            changed = broken(log)
            changed.files[path] = flipped(data, place // 8, place % 8)
            with pytest.raises(VerificationError):
                verify_log(changed, signer.key)


@settings(deadline=None)
@given(leaf=st.integers(0, 699), part=st.integers(0, 4))
def test_the_first_leaf_that_differs_is_named(
    log: NaiveLog, signer: Ed25519Signer, leaf: int, part: int
) -> None:
    """A changed length shifts all that follows; it is still that leaf that is named."""
    number = leaf // 256
    path = "tile/entries/" + ("002.p/188" if number == 2 else f"00{number}")
    start = sum(2 + len(entry) for entry in log.leaves[number * 256 : leaf])
    changed = broken(log)
    changed.files[path] = flipped(log.files[path], start + part)
    with pytest.raises(VerificationError) as caught:
        verify_log(Only(changed), signer.key)
    assert caught.value.index == leaf
    assert f"(leaf {leaf})" in str(caught.value)


def test_a_consistent_forgery_of_entries_and_tiles_has_another_root(
    log: NaiveLog, signer: Ed25519Signer
) -> None:
    """Rewriting an entry and every tile above it still can't forge the signature."""
    leaves = [*log.leaves[:300], b"forged", *log.leaves[301:]]
    forged = broken(log)
    forged.files = files_at(leaves) | {"checkpoint": log.files["checkpoint"]}
    with pytest.raises(VerificationError, match="another root") as caught:
        verify_log(forged, signer.key)
    assert caught.value.place == "checkpoint"


@pytest.mark.parametrize(
    "path",
    ["checkpoint", "tile/0/000", "tile/0/002.p/188", "tile/1/000.p/2", "tile/entries/001"],
)
def test_a_missing_file_is_named(log: NaiveLog, signer: Ed25519Signer, path: str) -> None:
    """One line, with the place."""
    changed = broken(log)
    del changed.files[path]
    with pytest.raises(VerificationError, match="is missing") as caught:
        verify_log(changed, signer.key)
    assert caught.value.place == path
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("path", ["tile/0/001", "tile/0/002.p/188", "tile/1/000.p/2"])
@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data + b"\0"])
def test_a_tile_of_another_length_is_named(
    log: NaiveLog, signer: Ed25519Signer, path: str, change: Callable[[bytes], bytes]
) -> None:
    """Truncated, or with bytes after its end."""
    changed = broken(log)
    changed.files[path] = change(log.files[path])
    with pytest.raises(VerificationError, match="bytes instead of") as caught:
        verify_log(changed, signer.key)
    assert caught.value.place == path


def test_a_bundle_cut_or_lengthened_is_named(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Where it ends, and how much is too much."""
    path, whole = "tile/entries/001", log.files["tile/entries/001"]
    changed = broken(log)
    changed.files[path] = whole[:-1]
    with pytest.raises(VerificationError, match="ends within entry 255 of 256") as caught:
        verify_log(changed, signer.key)
    assert (caught.value.place, caught.value.index) == (path, 511)
    changed.files[path] = whole + b"abc"
    with pytest.raises(VerificationError, match="3 bytes follow the last of 256") as caught:
        verify_log(changed, signer.key)
    assert caught.value.place == path
    changed.files[path] = b""
    del changed.files["tile/0/001"]
    with pytest.raises(VerificationError) as caught:
        verify_log(changed, signer.key)
    assert caught.value.index == 256


def test_damaged_tiles_of_earlier_sizes_are_named(log: NaiveLog, signer: Ed25519Signer) -> None:
    """They prove old checkpoints; where they can be listed, they are compared."""
    for path in ("tile/0/000.p/1", "tile/0/002.p/88", "tile/1/000.p/1", "tile/entries/000.p/255"):
        changed = broken(log)
        changed.files[path] = flipped(log.files[path], -1)
        with pytest.raises(VerificationError) as caught:
            verify_log(changed, signer.key)
        assert caught.value.place == path
        assert verify_log(Only(changed), signer.key).size == 700


def test_files_beyond_the_checkpoint_do_no_harm(
    signer: Ed25519Signer, some_leaves: list[bytes]
) -> None:
    """Tiles are written before their checkpoint, and a crash may come between."""
    log = NaiveLog(signer, some_leaves[:600])
    log.files |= files_at(some_leaves[:700])
    assert verify_log(log, signer.key).size == 600


def test_deleted_partial_tiles_are_replaced_by_the_full_ones(
    signer: Ed25519Signer, some_leaves: list[bytes]
) -> None:
    """A log may delete them while somebody still verifies the earlier checkpoint."""
    log = NaiveLog(signer, some_leaves[:600])
    for path in ("tile/0/002.p/88", "tile/entries/002.p/88"):
        del log.files[path]
    log.files |= files_at(some_leaves[:768])
    assert verify_log(log, signer.key).size == 600
    log.files["tile/entries/002"] = log.files["tile/entries/002"][:-1]
    with pytest.raises(VerificationError, match="ends within entry 255"):
        verify_log(log, signer.key)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600, 700])
def test_growth_from_a_checkpoint_seen_before_is_checked(
    log: NaiveLog, signer: Ed25519Signer, size: int
) -> None:
    """An auditor who comes back learns of a rewritten history, at whatever size."""
    seen = log.checkpoint_at(signer, size)
    assert verify_log(log, signer.key, since=seen).size == 700
    forged = replace(seen, root=b"\x01" * 32)
    with pytest.raises(VerificationError, match=f"inconsistent with the checkpoint of {size}"):
        verify_log(log, signer.key, since=forged)


def test_a_log_that_shrank_or_is_another_is_refused(log: NaiveLog, signer: Ed25519Signer) -> None:
    """The published log was rolled back, or swapped."""
    larger = Checkpoint(signer.key.name, 701, bytes(32))
    with pytest.raises(RolledBackError, match="does not come after the checkpoint of 701"):
        verify_log(log, signer.key, since=larger)
    with pytest.raises(RolledBackError, match="does not come after the checkpoint of 701"):
        verify_log(log, signer.key, known=[larger])
    other = replace(log.checkpoint, origin="docledger.example/log/other")
    with pytest.raises(VerificationError, match="is of another log"):
        verify_log(log, signer.key, since=other)


def test_an_empty_log_verifies_since_nothing(signer: Ed25519Signer) -> None:
    """The first checkpoint an auditor may have seen is of no leaves."""
    log = NaiveLog(signer, [])
    assert verify_log(log, signer.key, since=log.checkpoint).size == 0


def test_a_directory_verifies(
    log: NaiveLog, signer: Ed25519Signer, write_log: Callable[[NaiveLog], Path]
) -> None:
    """The layout on disk is the one that a web server serves."""
    root = write_log(log)
    (root / "tile" / "0" / "002.p" / ".189.new").write_bytes(b"unfinished")
    assert verify_log(DirectoryReader(root), signer.key).size == 700
    old = root / "tile" / "0" / "000.p" / "255"
    old.write_bytes(flipped(old.read_bytes(), 0))
    with pytest.raises(VerificationError, match=r"tile/0/000\.p/255") as caught:
        verify_log(DirectoryReader(root), signer.key)
    assert caught.value.index == 0


def test_an_unreadable_file_is_named(
    log: NaiveLog, signer: Ed25519Signer, write_log: Callable[[NaiveLog], Path]
) -> None:
    """A directory where a file should be stands for every error of the file system."""
    root = write_log(log)
    (root / "tile" / "entries" / "001").unlink()
    (root / "tile" / "entries" / "001").mkdir()
    with pytest.raises(VerificationError, match=r"can't be read \(IsADirectoryError\)") as caught:
        verify_log(DirectoryReader(root), signer.key)
    assert caught.value.place == "tile/entries/001"
    assert str(caught.value).count("tile/entries/001") == 1


def test_a_file_too_large_for_any_log_is_not_read(
    log: NaiveLog, signer: Ed25519Signer, write_log: Callable[[NaiveLog], Path]
) -> None:
    """Memory stays constant whatever somebody puts there."""
    root = write_log(log)
    with (root / "checkpoint").open("wb") as file:
        file.truncate(MOST_FILE_BYTES + 1)
    with pytest.raises(VerificationError, match="larger than any file"):
        verify_log(DirectoryReader(root), signer.key)


def test_a_listing_that_fails_is_named(log: NaiveLog, signer: Ed25519Signer) -> None:
    """Not being able to look is not the same as nothing being there."""

    class NoListing(NaiveLog):
        def partial_widths(self, path: str) -> list[int]:
            raise TlogError(f"{path}.p: can't be listed (PermissionError)")

    other = object.__new__(NoListing)
    other.__dict__ = dict(log.__dict__)
    with pytest.raises(VerificationError, match="can't be listed"):
        verify_log(other, signer.key)
