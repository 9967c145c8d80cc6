"""Who may create and not delete: Cloud Storage may answer 403, not 412, of a name that is taken."""

import pytest

from shared.errors import TransientError
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import GcsConnection
from shared.objects.port import AlreadyExistsError, GenerationMismatchError
from tests.shared.objects.json_api import BUCKET, Fault, JsonApi

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

FORBIDDEN = 403


@pytest.fixture
def store(api: JsonApi) -> GcsObjects:
    """Give a store that tries again a little."""
    assert api.count() == 0
    return GcsObjects(BUCKET, connection=GcsConnection(lenient=False, deadline_s=5.0))


def test_a_name_that_is_taken_is_taken_whatever_the_answer(api: JsonApi, store: GcsObjects) -> None:
    """Else a worker with no right too many would take its own record for an outage, for ever."""
    store.create("a", b"first")
    api.faults.append(FORBIDDEN)
    with pytest.raises(AlreadyExistsError):
        store.create("a", b"second")
    assert store.read("a").data == b"first"


def test_a_lost_answer_is_still_known_by_its_mark(api: JsonApi, store: GcsObjects) -> None:
    """What our first try wrote is ours, though the second is refused."""
    api.faults.extend([Fault.STORE_THEN_503, FORBIDDEN])
    assert store.create("a", b"ours") == store.stat("a")


def test_what_is_forbidden_stays_forbidden(api: JsonApi, store: GcsObjects) -> None:
    """A missing grant is no name that is taken; nor may a replacement take a refusal for one."""
    api.faults.append(FORBIDDEN)
    with pytest.raises(TransientError):
        store.create("a", b"never")
    standing = store.create("a", b"first")
    api.faults.append(FORBIDDEN)
    with pytest.raises(TransientError):
        store.replace("a", b"second", generation=standing.generation)
    with pytest.raises(GenerationMismatchError):
        store.replace("a", b"second", generation=standing.generation + 1)
