"""What people do from outside: hand in, erase, fix, replay. After a crash they do it again."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from deploy.erasing import erasing_of
from services.ingest.adapters.replays import QuarantineReplays
from services.ingest.inbox import pack
from shared.errors import TransientError
from shared.events.envelope import make_event
from shared.events.ids import document_id, keyed_id, origin_of
from shared.events.payloads import UploadArrived
from shared.keys.port import TenantPurpose
from shared.worker import names
from tests.simulation.papers import EMPTY, Paper
from tests.simulation.processes import Rooms
from tests.simulation.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 3
"""How often a person tries what the house says is not there (yet)."""

AGAIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Matter:
    """One document of one tenant: what every action is about.

    Attributes:
        tenant: whose.
        paper: the document; None is a file without a byte.
    """

    tenant: str
    paper: Paper | None

    @property
    def content(self) -> bytes:
        """The bytes."""
        return EMPTY if self.paper is None else self.paper.content

    def document_id(self, world: World) -> str:
        """Return the document's id."""
        key = world.keyring.tenant_key(self.tenant, TenantPurpose.IDS)
        return document_id(key, self.content)

    def job_id(self, world: World, copy: int) -> str:
        """Return the id of its ``copy``-th submission."""
        key = world.keyring.tenant_key(self.tenant, TenantPurpose.IDS)
        return keyed_id(key, "job", self.content, copy)


@dataclass(slots=True)
class Errand:
    """Something that a person does, once.

    Attributes:
        at: when, seconds from the start.
        what: ``submit``, ``erase``, ``fix`` or ``replay``.
        matter: with which document.
        copy: of a submission, which one.
        tries: how often it was tried in vain.
    """

    at: float
    what: str
    matter: Matter
    copy: int = 0
    tries: int = 0

    def __str__(self) -> str:
        number = self.matter.paper.number if self.matter.paper else "without a byte"
        return f"{self.what} paper {number} of {self.matter.tenant}"


@dataclass(slots=True)
class Done:
    """What people did, as far as they know.

    Attributes:
        submitted: by job.
        erased: documents whose erasure was confirmed, by id.
        replayed: documents whose quarantined work was sent again.
    """

    submitted: dict[str, Matter] = field(default_factory=dict)
    erased: set[str] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)


class People:
    """Everybody outside, one errand at a time.

    Args:
        world: where they live.
        errands: what they have to do.
        done: what they did.
    """

    def __init__(self, world: World, errands: list[Errand], done: Done) -> None:
        self._world = world
        self._rooms = Rooms(world, "somebody")
        self._errands = errands
        self._done = done

    def turn(self) -> bool:
        """Do the errand that is due; return whether there was one."""
        errand = min(self._errands, key=lambda one: one.at, default=None)
        if errand is None or errand.at > self._world.clock.monotonic():
            return False
        does: Callable[[Errand], bool] = getattr(self, f"_{errand.what}")
        self._world.chaos.note(f"somebody goes to {errand}")
        errand.at = self._world.clock.monotonic() + AGAIN_S  # if the command dies
        try:
            achieved = does(errand)
        except TransientError:
            return True
        errand.tries += 1
        if achieved or errand.tries >= PATIENCE:
            self._errands.remove(errand)
        return True

    def _submit(self, errand: Errand) -> bool:
        """Hand in bytes, as the entrance does: stored first, told after, and the same job again."""
        rooms, matter = self._rooms, errand.matter
        job_id = matter.job_id(self._world, errand.copy)
        if job_id in self._done.submitted and rooms.register.submission(job_id) is not None:
            return True  # the command died after it had told
        self._done.submitted[job_id] = matter
        upload = rooms.vault.store_for_tenant(
            names.inbox(matter.tenant, job_id), matter.tenant, pack("a file", matter.content)
        )
        event = make_event(
            UploadArrived(upload=upload, entrance="cli"),
            tenant_key=rooms.keyring.tenant_key(matter.tenant, TenantPurpose.IDS),
            tenant=matter.tenant,
            source="entrance",
            subject=job_id,
            jobid=job_id,
            traceparent=origin_of(job_id),
            time=self._world.clock.now(),
        )
        rooms.bus.publish([event])
        return True

    def _erase(self, errand: Errand) -> bool:
        """Erase a document with its parts; in vain while the house does not know it."""
        rooms = self._rooms
        name = errand.matter.document_id(self._world)
        document = rooms.register.document(errand.matter.tenant, name)
        if document is None:
            return False
        _family, done = erasing_of(rooms).erase(document)
        self._done.erased |= {one.document_id for one in done}
        return True

    def _fix(self, errand: Errand) -> bool:
        """Mend the workers for one paper."""
        if errand.matter.paper is not None:
            self._world.health.fixed.add(errand.matter.paper.number)
        return True

    def _replay(self, errand: Errand) -> bool:
        """Send what is quarantined of a document again; in vain while nothing is.

        An upload that nobody could take in lies there under its job, until its document is known.
        """
        rooms = self._rooms
        wanted = errand.matter.document_id(self._world)
        names_ = {
            record.document_id
            for _, record in rooms.quarantine.list()
            if record.document_id in (wanted, record.event and record.event["jobid"])
        }
        for name in sorted(names_):
            QuarantineReplays(
                rooms.quarantine, keyring=rooms.keyring, publisher=rooms.bus, clock=rooms.clock
            ).replay(name)
        self._done.replayed |= names_
        return bool(names_)
