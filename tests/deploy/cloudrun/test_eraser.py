"""The eraser as it is deployed: a job that applies the policy, on a bucket that keeps versions."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.cloudrun.deployables import build
from deploy.cloudrun.platform import Platform
from deploy.cloudrun.settings import PlatformSettings
from shared.bus.memory import MemoryBus
from shared.clock import FakeClock
from shared.errors import UserError
from shared.events.codec import from_message
from shared.events.payloads import DocumentType
from shared.objects.gcs_connection import EMULATOR
from shared.worker.authentication import UNSAFE_VARIABLE
from shared.worker.web import Request, Service
from tests.services.ingest.lifecycle import DOC, JOB, OTHER, SECOND, START, event, upload
from tests.services.ingest.test_retention import posted_as
from tests.shared.objects.json_api import BUCKET, JsonApi

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

RETENTION = Request("POST", "/internal/jobs/retention", {}, b"")


@dataclass
class Deployed:
    """The eraser, and what it stands on."""

    service: Service
    platform: Platform
    api: JsonApi
    bus: MemoryBus

    def told(self) -> list[str]:
        """Take what it told, apply it to the register, and return whom it is about."""
        pulled = self.bus.pull("register.document-erased", most=99, lease_s=60)
        self.bus.acknowledge(pulled)
        events = [from_message(one.message) for one in pulled]
        self.platform.register.apply(events)
        return [one.subject for one in events]


def platform_of(folder: Path, api: JsonApi, clock: FakeClock) -> Platform:
    """Return the ports of a deployable over a bucket and a folder."""
    settings = PlatformSettings(project="test-project", objects_bucket=BUCKET, data_dir=folder)
    platform = Platform("eraser", settings=settings, clock=clock)
    platform.__dict__["publisher"] = MemoryBus(platform.topology, clock)
    assert not api.objects
    return platform


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """Give the eraser of a site with an old letter and an old invoice.

    Its policy is in the variable itself: a container of a release has no file for it.
    """
    policy = json.dumps({"keep_days": {"letter": 10, "invoice": 3650}})
    monkeypatch.setenv("DOCLEDGER_ERASURE_POLICY", policy)
    monkeypatch.setenv(UNSAFE_VARIABLE, "true")
    monkeypatch.setenv("DOCLEDGER_TRACES", "none")
    monkeypatch.setenv("DOCLEDGER_METRICS", "none")
    clock = FakeClock(START)
    api = JsonApi(clock)
    api.described = {"versioning": {"enabled": True}}
    with api.serving() as url:
        monkeypatch.setenv(EMULATOR, url)
        platform = platform_of(tmp_path, api, clock)
        for job, name, type_ in (
            (JOB, DOC, DocumentType.LETTER),
            (SECOND, OTHER, DocumentType.INVOICE),
        ):
            platform.register.accept(upload(job), document_id=name, pages=1)
            platform.register.apply([event(posted_as(name, type_), job=job)])
            platform.keyring.create_document_key(name)
            info = platform.objects.create(f"results/ocr/{name}/0", b"first")
            platform.objects.replace(f"results/ocr/{name}/0", b"again", generation=info.generation)
            platform.objects.create(f"inbox/acme/{job}", b"sealed")
            platform.objects.delete(f"inbox/acme/{job}")
        clock.sleep(timedelta(days=11).total_seconds())
        service = build("eraser", platform=platform)
        yield Deployed(service, platform, api, platform.__dict__["publisher"])
        service.drain()


def test_the_job_erases_what_is_due_once(deployed: Deployed) -> None:
    """Every generation of it: an upload that was deleted long ago lies in the bucket still."""
    assert len(deployed.api.older) == 4
    assert deployed.service.respond(RETENTION).status < 300
    assert deployed.told() == [DOC]
    names = {*deployed.api.objects, *(one.name for one in deployed.api.older)}
    assert names == {f"results/ocr/{OTHER}/0", f"inbox/acme/{SECOND}", f"tombstones/{DOC}"}
    assert deployed.service.respond(RETENTION).status < 300
    assert deployed.told() == []


def test_it_says_when_it_cannot(deployed: Deployed) -> None:
    """The scheduler tries again; nothing is half said."""
    deployed.api.faults += [403] * 20
    assert deployed.service.respond(RETENTION).status >= 500
    assert deployed.told() == []


@pytest.mark.parametrize("here", [True, False])
def test_a_wrong_policy_does_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, here: bool
) -> None:
    """A deployment that would erase by guess must fail at its first look."""
    said = "{keep_days: {leter: 10}}"
    (tmp_path / "policy.yaml").write_text(said)
    source = said if here else str(tmp_path / "policy.yaml")
    monkeypatch.setenv("DOCLEDGER_ERASURE_POLICY", source)
    settings = PlatformSettings(project="test-project", objects_bucket=BUCKET, data_dir=tmp_path)
    with pytest.raises(UserError, match="leter"):
        build("eraser", platform=Platform("eraser", settings=settings))
