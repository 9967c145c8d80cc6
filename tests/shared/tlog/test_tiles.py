import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.tlog import tiles
from shared.tlog.edge import RightEdge
from shared.tlog.errors import MalformedError
from tests.shared.tlog.naive import files_at, numbered, tree_hash


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tiles.tile_path(0, 0), "tile/0/000"),
        (tiles.tile_path(0, 999), "tile/0/999"),
        (tiles.tile_path(0, 1000), "tile/0/x001/000"),
        (tiles.tile_path(1, 1234067), "tile/1/x001/x234/067"),
        (tiles.tile_path(1, 1234067, 8), "tile/1/x001/x234/067.p/8"),
        (tiles.bundle_path(0, 255), "tile/entries/000.p/255"),
        (tiles.bundle_path(1234067), "tile/entries/x001/x234/067"),
    ],
)
def test_paths_are_those_of_the_specification(path: str, expected: str) -> None:
    """Everybody else looks for the files under these names."""
    assert path == expected


@settings(deadline=None)
@given(st.integers(0, 10**12))
def test_numbers_are_in_groups_of_three(number: int) -> None:
    """For any tile number, not only those of the examples."""
    assert tiles.bundle_path(number) == f"tile/entries/{numbered(number)}"


def test_a_tree_of_seventy_thousand_has_the_tiles_of_the_specification() -> None:
    """The example of c2sp.org/tlog-tiles."""
    assert [tiles.widths(70_000, level) for level in range(4)] == [
        (273, 112),
        (1, 17),
        (0, 1),
        (0, 0),
    ]
    assert tiles.widths(256, 1) == (0, 1)
    assert [tiles.tile_width(70_000, 0, index) for index in (0, 272, 273, 274)] == [
        256,
        256,
        112,
        0,
    ]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_its_leaves(leaves: list[bytes]) -> None:
    """Empty leaves too."""
    data = tiles.encode_bundle(leaves)
    assert tiles.decode_bundle(data, len(leaves)) == leaves
    assert tiles.hash_bundle(data, len(leaves)) == tiles.hash_leaves(leaves)


@settings(deadline=None)
@given(leaves=st.lists(st.binary(max_size=9), min_size=1, max_size=9), data=st.data())
def test_a_bundle_cut_or_lengthened_anywhere_is_refused(
    leaves: list[bytes], data: st.DataObject
) -> None:
    """Both readers of bundles, the fast and the exact, must refuse the same."""
    whole = tiles.encode_bundle(leaves)
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    longer = whole + data.draw(st.binary(min_size=1, max_size=3))
    for damaged in (cut, longer):
        with pytest.raises(MalformedError):
            tiles.decode_bundle(damaged, len(leaves))
        with pytest.raises(MalformedError):
            tiles.hash_bundle(damaged, len(leaves))


def test_the_longest_leaf_fits_and_no_longer_one() -> None:
    """A uint16 holds 65,535."""
    longest = b"x" * tiles.MOST_LEAF_BYTES
    assert tiles.decode_bundle(tiles.encode_bundle([longest]), 1) == [longest]
    with pytest.raises(MalformedError, match="65535"):
        tiles.encode_bundle([longest + b"x"])


@settings(deadline=None)
@given(st.lists(st.integers(1, 256), max_size=6))
def test_the_edge_grows_into_the_tree_of_the_specification(steps: list[int]) -> None:
    """Whatever the steps: same root, same full and partial tiles as by definition."""
    edge = RightEdge()
    leaves: list[bytes] = []
    tiles_seen: dict[str, bytes] = {}
    for step in steps:
        more = [b"%d" % (len(leaves) + n) for n in range(min(step, edge.room))]
        leaves += more
        for tile in edge.append(tiles.hash_leaves(more)):
            tiles_seen[tiles.tile_path(tile.level, tile.index)] = tile.hashes
    for tile in edge.partial_tiles():
        tiles_seen[tiles.tile_path(tile.level, tile.index, tile.width)] = tile.hashes
    expected = files_at(leaves)
    assert tiles_seen == {k: v for k, v in expected.items() if "entries" not in k}
    assert edge.root() == tree_hash(leaves)
    assert edge.size == len(leaves)


def test_an_edge_takes_no_more_than_its_tile_has_room() -> None:
    """Else a tile would be wider than 256, or a hash cut."""
    edge = RightEdge()
    with pytest.raises(ValueError, match="room"):
        edge.append(bytes(32 * 257))
    with pytest.raises(ValueError, match="room"):
        edge.append(bytes(33))
