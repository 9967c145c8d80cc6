"""The front door while ingest works at the same time."""

import pytest

from services.ingest.api_door import FrontDoor, KeyReusedError
from services.ingest.arrivals import Arrivals
from services.ingest.inbox import Upload
from shared.events.payloads import Reference
from shared.objects.port import ObjectInfo
from shared.worker import names
from tests.services.ingest.partners import ACME, PDF, Api


class QuickIngest:
    """Ingest takes the upload away before anybody can look at it."""

    def __init__(self, api: Api, content: bytes) -> None:
        self._api = api
        self._content = content

    def open(self, upload: Reference) -> Upload:
        self._api.accept(self._api.bus.events[-1], self._content)
        self._api.objects.delete(upload.name)
        raise LookupError(upload.name)

    def stat(self, name: str) -> ObjectInfo | None:
        """Book the submission, whose upload is gone."""
        self._api.accept(self._api.bus.events[-1], self._content)
        self._api.objects.delete(name)
        return None


def door(api: Api, quick: QuickIngest) -> FrontDoor:
    """Return a front door that ingest is faster than."""
    return FrontDoor(
        uploads=Arrivals(api.vault, api.bus, api.keyring, api.clock),
        inbox=quick,
        register=api.register,
        objects=quick,
        keyring=api.keyring,
    )


def test_upload_taken_away_meanwhile_is_compared_in_the_register() -> None:
    """A fast pipeline is a success to its caller, and other bytes are still a mistake."""
    api = Api()
    job_id = door(api, QuickIngest(api, PDF)).submit("acme", ACME, "key", "", PDF)
    assert api.register.submission(job_id) is not None
    api = Api()
    with pytest.raises(KeyReusedError):
        door(api, QuickIngest(api, b"other")).submit("acme", ACME, "key", "", PDF)


def test_job_is_found_while_ingest_books_it() -> None:
    """Between the inbox and the register there is no moment in which a job does not exist."""
    api = Api()
    job_id = api.post(PDF).json["job_id"]
    assert api.objects.stat(names.inbox("acme", job_id)) is not None
    job = door(api, QuickIngest(api, PDF)).job("acme", job_id)
    assert job is not None
    assert job.status == "accepted"
