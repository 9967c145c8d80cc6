"""A project on local servers for the commands: its bucket, its topics, what makes it a job's."""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from shared.clock import SystemClock
from shared.events.envelope import Event
from shared.objects.gcs_connection import EMULATOR
from tests.deploy.conftest import Docledger, Ran
from tests.shared.objects.json_api import BUCKET, JsonApi

KEY: Final = "projects/p/locations/europe-west1/keyRings/docledger/cryptoKeys/documents"


@dataclass
class Project:
    """A project whose bucket and topics are here, and the command that is told of it.

    Attributes:
        docledger: the command.
        api: the bucket of objects.
        published: what was published to topics.
    """

    docledger: Docledger
    api: JsonApi
    published: list[Event] = field(default_factory=list)

    def publish(self, events: Iterable[Event]) -> None:
        """Take events, as Pub/Sub does."""
        self.published += events


@pytest.fixture
def project(ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The house that was run, its objects moved into a bucket, its bus gone."""
    data = tmp_path / "data"
    shutil.copytree(ran.docledger.data, data)
    api = JsonApi(SystemClock(), kms_key=KEY)
    with api.serving() as url:
        monkeypatch.setenv(EMULATOR, url)
        for name, value in {
            "PROJECT": "docledger-test",
            "OBJECTS_BUCKET": BUCKET,
            "OBJECTS_KMS_KEY": KEY,
            "TRACES": "files",
            "TRACES_FOLDER": str(data / "spans"),
        }.items():
            monkeypatch.setenv(f"DOCLEDGER_{name}", value)
        project = Project(Docledger(data, ran.docledger.files), api)
        monkeypatch.setattr("shared.bus.pubsub.PubsubPublisher", lambda _project: project)
        monkeypatch.setattr("deploy.cloudrun.platform.Platform.backlog", lambda _platform: None)
        _move(data / "objects")
        (data / "bus.sqlite").unlink()
        yield project


def _move(folder: Path) -> None:
    from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - a vendor's, and slow

    store = GcsObjects(BUCKET, kms_key_name=KEY)
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if path.is_file() and "~" not in name:
            store.create(name, path.read_bytes())
    store.close()
    shutil.rmtree(folder)


def as_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it look like one to the command alone: Cloud Run and emulators exclude each other."""
    monkeypatch.setattr("deploy.cli.opened.JOB", "HOME_OF_A_JOB")
    monkeypatch.setenv("HOME_OF_A_JOB", "docledger-operate")


def quarantined(ran: Ran) -> str:
    """Return the document that no worker could do."""
    return str(ran.row("corrupt.pdf")["document_id"])
