"""A local file becomes an ``upload.arrived``."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Literal

from deploy.local.house import House
from services.ingest.arrivals import Arrivals
from services.ingest.registered import Register
from shared.bus.port import Publisher
from shared.clock import Clock
from shared.events.envelope import Event
from shared.events.ids import keyed_id
from shared.keys.port import Keyring, TenantPurpose
from shared.keys.vault import Vault
from shared.objects.batched import BatchedObjects
from shared.telemetry.reasons import RefusedReason
from shared.telemetry.tracing import Tracing
from shared.worker.built import nothing

MOST_BYTES: Final = 40_000_000
"""What Document AI takes online; larger files are refused at the door."""

AT_ONCE: Final = 16
"""Files that share one round of syncs. What is handed in together is also begun together."""

LocalEntrance = Literal["cli", "folder"]


class RefusedAtTheDoorError(Exception):
    """The file never became a submission: its bytes stay where they are."""

    def __init__(self, reason: RefusedReason) -> None:
        super().__init__(reason.value)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Submitted:
    """One file at the door.

    Attributes:
        source: as the person named it.
        job_id: of the submission.
    """

    source: str
    job_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """One file that stayed outside.

    Attributes:
        source: as the person named it.
        reason: why.
    """

    source: str
    reason: RefusedReason


class Entrance:
    """Takes local files in.

    A job's id comes from tenant, path, content and a count: the same command after a crash goes on
    with the same submissions; after they are settled, it is a new submission of the same bytes.

    Args:
        vault: seals uploads under the tenant's inbox key.
        publisher: takes ``upload.arrived``.
        settle: makes durable what the vault was given, before anybody is told of it; raises
            ``TransientError`` if it cannot.
        keyring: makes ids.
        register: knows which submissions are settled.
        clock: stamps events.
        tenant: whose documents these are.
        kind: which entrance this is.
        tracing: the document's trace begins with the submission.
    """

    def __init__(  # noqa: PLR0913 - an entrance touches this much
        self,
        *,
        vault: Vault,
        publisher: Publisher,
        keyring: Keyring,
        register: Register,
        clock: Clock,
        tenant: str,
        kind: LocalEntrance,
        settle: Callable[[], None] = lambda: None,
        tracing: Tracing | None = None,
    ) -> None:
        self._arrivals = Arrivals(vault, publisher, keyring, clock, tracing)
        self._settle = settle
        self._kind = kind
        self._keyring = keyring
        self._register = register
        self._tenant = tenant

    def submit(self, path: Path) -> Submitted:
        """Store the file's bytes in the inbox, then tell ingest.

        Raises:
            RefusedAtTheDoorError: the file cannot be read, or is too large.
            TransientError: the store or the bus is unavailable; submit it again.
        """
        submitted, event = self._stored(path)
        self._settle()
        self._arrivals.announce([event])
        return submitted

    def submit_all(self, paths: Iterable[Path]) -> Iterator[Submitted | Refused]:
        """Submit many files, some at a time: their bytes reach the disk, and ingest, together.

        Yields:
            What became of each file, in their order, once it is durable.

        Raises:
            TransientError: the store or the bus is unavailable; submit again what was not yielded.
        """
        remaining = iter(paths)
        while some := list(islice(remaining, AT_ONCE)):
            taken: list[Submitted | Refused] = []
            events: dict[str, Event] = {}
            for path in some:
                try:
                    submitted, event = self._stored(path)
                except RefusedAtTheDoorError as refused:
                    taken.append(Refused(str(path), refused.reason))
                else:
                    taken.append(submitted)
                    events[event.id] = event
            self._settle()
            if events:
                self._arrivals.announce(list(events.values()))
            yield from taken

    def _stored(self, path: Path) -> tuple[Submitted, Event]:
        content = read_file(path)
        source = str(path)
        job_id = self._job_id(source, content)
        event = self._arrivals.store(self._tenant, job_id, source, content, self._kind)
        return Submitted(source, job_id), event

    def _job_id(self, source: str, content: bytes) -> str:
        key = self._keyring.tenant_key(self._tenant, TenantPurpose.IDS)
        content_id = keyed_id(key, "upload", content)
        count = 0
        while True:
            # bytes: a name need not be UTF-8; and resolve() would follow links
            path = os.fsencode(os.path.abspath(source))  # noqa: PTH100
            job_id = keyed_id(key, "job", path, content_id, count)
            if not self._settled(job_id):
                return job_id
            count += 1

    def _settled(self, job_id: str) -> bool:
        submission = self._register.submission(job_id)
        if submission is None:
            return False
        if submission.status not in ("accepted", "expanded") or submission.document_id is None:
            return True
        document = self._register.document(self._tenant, submission.document_id)
        return document is not None and document.status is not None


def entrance_of(house: House, kind: LocalEntrance) -> Entrance:
    """Return the entrance of one machine's house, for its one tenant."""
    batched = BatchedObjects(house.directory) if house.platform is None else None
    return Entrance(
        vault=house.vault if batched is None else Vault(batched, house.keyring),
        publisher=house.publisher,
        keyring=house.keyring,
        register=house.register,
        clock=house.clock,
        tenant=house.tenant,
        kind=kind,
        settle=nothing if batched is None else batched.flush,
        tracing=house.tracing,
    )


def read_file(path: Path) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        RefusedAtTheDoorError: it cannot be opened, is no file, or is too large.
    """
    try:
        # not blocking: nobody may ever write into a pipe that lies in a folder of documents
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise RefusedAtTheDoorError(RefusedReason.UNREADABLE_FILE)
            if state.st_size > MOST_BYTES:
                raise RefusedAtTheDoorError(RefusedReason.TOO_LARGE)
            return file.read(MOST_BYTES + 1)
    except OSError as err:
        raise RefusedAtTheDoorError(RefusedReason.UNREADABLE_FILE) from err
