"""What a bucket keeps of what is gone is found and deleted, generation by generation."""

import pytest

from shared.errors import TransientError
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import GcsConnection
from shared.objects.gcs_versions import GcsVersions
from shared.objects.versions import Keeping
from tests.shared.objects.json_api import BUCKET, Fault, JsonApi

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

VERSIONING = {"versioning": {"enabled": True}}
SOFT = {"softDeletePolicy": {"retentionDurationSeconds": "604800"}}


@pytest.fixture
def versioned(api: JsonApi) -> GcsObjects:
    """Give a store on a bucket that somebody switched versioning on for."""
    api.described = VERSIONING
    return GcsObjects(BUCKET, connection=GcsConnection(lenient=False))


@pytest.fixture
def versions(api: JsonApi) -> GcsVersions:
    """Give what an eraser uses."""
    assert not api.objects
    return GcsVersions(BUCKET, connection=GcsConnection(lenient=False, deadline_s=0.3))


def test_every_generation_goes(api: JsonApi, versioned: GcsObjects, versions: GcsVersions) -> None:
    """What was replaced, what was deleted and what stands; what is not asked for stays."""
    first = versioned.create("results/a/0", b"1")
    versioned.replace("results/a/0", b"2", generation=first.generation)
    versioned.create("results/a/1", b"3")
    versioned.delete("results/a/1")
    versioned.create("results/b/0", b"4")
    assert len(api.older) == 2
    assert versions.purge("results/a/") == 3
    assert api.older == []
    assert list(api.objects) == ["results/b/0"]
    assert versions.purge("results/a/") == 0


def test_more_than_a_page_goes(api: JsonApi, versioned: GcsObjects, versions: GcsVersions) -> None:
    """A long document has hundreds of page ranges."""
    api.page = 2
    for number in range(5):
        versioned.create(f"a/{number}", b"x")
    assert versions.purge("a/") == 5
    assert not api.objects


def test_a_generation_that_cannot_be_deleted_ends_it(
    api: JsonApi, versioned: GcsObjects, versions: GcsVersions
) -> None:
    """A hold or a retention policy: an erasure that reports success would be a lie."""
    versioned.create("a", b"x")
    api.faults += [Fault.SERVE, 403]
    with pytest.raises(TransientError):
        versions.purge("a")
    assert list(api.objects) == ["a"]


def test_a_whole_bucket_is_not_purged(versions: GcsVersions) -> None:
    """An empty name must not be everything."""
    with pytest.raises(ValueError, match="whole bucket"):
        versions.purge("")


@pytest.mark.parametrize(
    ("described", "keeping"),
    [
        ({}, Keeping(versions=False, soft_delete_s=0)),
        (VERSIONING, Keeping(versions=True, soft_delete_s=0)),
        (SOFT, Keeping(versions=False, soft_delete_s=604_800)),
    ],
)
def test_the_bucket_says_how_long_it_keeps(
    api: JsonApi, versions: GcsVersions, described: dict[str, object], keeping: Keeping
) -> None:
    """The date from which nobody can bring it back depends on it."""
    api.described = described
    assert versions.keeping() == keeping


def test_a_bucket_that_does_not_tell_is_said_so(api: JsonApi, versions: GcsVersions) -> None:
    """An eraser need not be allowed to read settings; it must not guess then."""
    api.faults.append(403)
    assert versions.keeping() is None


def test_an_unavailable_bucket_is_transient(api: JsonApi, versions: GcsVersions) -> None:
    """Erase again later."""
    api.faults += [503] * 20
    with pytest.raises(TransientError):
        versions.keeping()
