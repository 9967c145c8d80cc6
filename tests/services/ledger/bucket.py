"""A bucket that logs are published in, on a server that refuses what Cloud Storage refuses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from services.ledger.adapters.log_bucket import open_bucket
from services.ledger.adapters.public_objects import PublicObjects
from shared.clock import FakeClock
from shared.objects.gcs import GcsObjects
from shared.objects.gcs_connection import EMULATOR, GcsConnection
from tests.shared.objects.json_api import BUCKET, JsonApi

KEY = "projects/p/locations/europe-west1/keyRings/docledger/cryptoKeys/log"
PREFIX = "acme/"


class Bucket:
    """The server, and stores that come to it as processes of their own would."""

    def __init__(self, api: JsonApi, url: str, later: ExitStack) -> None:
        self.api = api
        self.url = f"{url}/{BUCKET}"
        self._later = later

    def store(self, *, deadline_s: float = 20.0) -> GcsObjects:
        """Open the bucket once more."""
        connection = GcsConnection(lenient=False, deadline_s=deadline_s)
        store = open_bucket(BUCKET, KEY, connection=connection)
        self._later.callback(store.close)
        return store

    def files(self, *, deadline_s: float = 20.0) -> PublicObjects:
        """Open a tenant's log in it; with a short deadline nothing is tried twice."""
        return PublicObjects(self.store(deadline_s=deadline_s), PREFIX)

    def standing(self) -> dict[str, int]:
        """Return the generation of each object."""
        return {name: one.generation for name, one in self.api.objects.items()}

    def versions(self, path: str) -> list[bytes]:
        """Return everything that ever stood at ``path`` of the tenant's log, oldest first."""
        there = (*self.api.older, *self.api.objects.values())
        found = [one for one in there if one.name == PREFIX + path]
        return [one.data for one in sorted(found, key=lambda one: one.generation)]


@contextmanager
def serving_bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Serve an empty bucket that keeps what was replaced, and takes no write without its key."""
    api = JsonApi(FakeClock(), kms_key=KEY)
    api.described = {"versioning": {"enabled": True}}
    with ExitStack() as stack:
        url = stack.enter_context(api.serving())
        monkeypatch.setenv(EMULATOR, url)
        yield Bucket(api, url, stack)


def first_number(data: bytes) -> int:
    """Order files by the number they start with."""
    return int(data.split()[0])


def all_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}
