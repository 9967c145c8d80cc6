"""A partner API over stores in memory, and who calls it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from services.ingest.adapters.vault import VaultInbox
from services.ingest.api import create_app
from services.ingest.api_door import FrontDoor
from services.ingest.api_settings import IngestApiSettings
from services.ingest.arrivals import Arrivals
from services.ingest.register_memory import memory_register
from shared.api.grants import parse_callers
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.events.envelope import Event
from shared.events.ids import document_id
from shared.events.payloads import UploadArrived
from shared.keys.memory import MemoryKeyring
from shared.keys.port import TenantPurpose
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from tests.shared.api.asking import Answer, Badges, Process, ask, badge

ACME, GLOBEX = "partner@acme.example", "partner@globex.example"
CANARY = "canary-4711"
PDF = b"%PDF-1.7 " + CANARY.encode()


class Bus:
    """Keeps what was published; may be away."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.away = False

    def publish(self, events: Sequence[Event]) -> None:
        if self.away:
            raise TransientError("the bus is away")
        self.events.extend(events)


class Api:
    """The API over stores in memory, and what it did."""

    def __init__(self, **settings: Any) -> None:
        self.clock = FakeClock()
        self.objects = MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.bus = Bus()
        self.register = memory_register(lambda _stage: timedelta(hours=1))
        self.process = Process()
        self.badges = Badges()
        door = FrontDoor(
            uploads=Arrivals(self.vault, self.bus, self.keyring, self.clock),
            inbox=VaultInbox(self.vault, self.objects),
            register=self.register,
            objects=self.objects,
            keyring=self.keyring,
        )
        callers = parse_callers(f"{ACME}=acme,{GLOBEX}=globex")
        self.app = create_app(
            door=door,
            identities=self.badges,
            around=self.process.around("entrance", "objects", "register"),
            settings=IngestApiSettings(callers=callers, **settings),
        )

    def post(
        self,
        *parts: bytes,
        path: str = "/v1/documents",
        account: str | None = ACME,
        headers: Sequence[tuple[str, str]] = (),
    ) -> Answer:
        who = [badge(account)] if account else []
        return ask(self.app, "POST", path, headers=[*who, *headers], parts=parts or (b"",))

    def job(self, job_id: str, account: str = ACME) -> Answer:
        return ask(self.app, "GET", f"/v1/jobs/{job_id}", headers=[badge(account)])

    def upload(self, event: Event) -> tuple[str, bytes]:
        """Return name and bytes of what an event says has arrived."""
        assert isinstance(event.data, UploadArrived)
        upload = VaultInbox(self.vault, self.objects).open(event.data.upload)
        return upload.source_name, upload.content

    def accept(self, event: Event, content: bytes) -> str:
        """Do as ingest does: book the upload as a document."""
        ids = self.keyring.tenant_key(event.tenant, TenantPurpose.IDS)
        accepted = self.register.accept(event, document_id=document_id(ids, content), pages=1)
        assert accepted.document_id is not None
        return accepted.document_id
