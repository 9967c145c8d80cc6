"""The eraser over the ports of a data folder, or of a deployable."""

from typing import Protocol

from services.ingest.eraser import Eraser
from services.ingest.erasing import Erasing
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.policy import Policy
from services.ingest.registered import Register
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.errors import PermanentError
from shared.events.results import Intake
from shared.keys.envelope import SealBrokenError
from shared.keys.port import Keyring
from shared.keys.vault import ErasedError
from shared.objects.port import NotFoundError, ObjectStore
from shared.objects.versions import Versions
from shared.worker import names
from shared.worker.results import Results
from shared.worker.tombstones import Tombstones


class Ports(Protocol):
    """What erasing touches: ``House`` and ``Platform`` have it."""

    @property
    def objects(self) -> ObjectStore: ...  # noqa: D102 - as in Stores
    @property
    def versions(self) -> Versions | None: ...  # noqa: D102 - same
    @property
    def keyring(self) -> Keyring: ...  # noqa: D102 - same
    @property
    def results(self) -> Results: ...  # noqa: D102 - same
    @property
    def tombstones(self) -> Tombstones: ...  # noqa: D102 - same
    @property
    def register(self) -> Register: ...  # noqa: D102 - same
    @property
    def publisher(self) -> Publisher: ...  # noqa: D102 - same
    @property
    def clock(self) -> Clock: ...  # noqa: D102 - same


def erasing_of(ports: Ports, *, policy: Policy | None = None) -> Erasing:
    """Return what erases documents with what belongs to them.

    Args:
        ports: what it touches.
        policy: says what must stay; the one that the environment names when None, so that nobody
            erases past a legal hold by leaving it out.

    Raises:
        UserError: the policy cannot be read.
    """
    policy = policy or Policy.read(ErasureSettings.from_environment().policy)
    eraser = Eraser(
        objects=ports.objects,
        keyring=ports.keyring,
        register=ports.register,
        tombstones=ports.tombstones,
        publisher=ports.publisher,
        clock=ports.clock,
        versions=ports.versions,
    )
    return Erasing(
        eraser,
        register=ports.register,
        tombstones=ports.tombstones,
        parts_told=lambda job_id: _parts_told(ports.results, job_id),
        clock=ports.clock,
        on_hold=policy.holds,
    )


def _parts_told(results: Results, job_id: str) -> tuple[str, ...]:
    try:
        return results.open(names.intake(job_id), Intake).attachments
    except (NotFoundError, ErasedError, PermanentError, SealBrokenError):
        return ()
