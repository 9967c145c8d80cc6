"""What an erasure came to, with the proofs that it was booked and that nothing else broke."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from deploy.local.house import House
from services.ingest.eraser import Erasure
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.registered import SubmissionStatus
from services.ledger.entries import Booked
from shared.events.payloads import EntryKind
from shared.keys.port import KeyMissingError
from shared.objects.versions import Keeping
from shared.tlog.errors import TlogError
from shared.tlog.proof import verify_proof

WAIT_S: Final = 5.0
"""For the entry, where somebody else's sequencer seals it."""

PROJECT_WAIT_S: Final = 60.0
"""The same on a project, whose deployables may have to start first."""

_LOOK_S: Final = 0.1


class Why(StrEnum):
    """What decides from when on nobody can bring the document back."""

    KEY_DESTROYED = "key_destroyed"  # its key is nowhere: now
    BACKUPS = "backups"  # backups of keys or uploads are kept for so many days
    SOFT_DELETE = "soft_delete"  # the bucket can bring its upload back for so many seconds
    BACKUPS_UNKNOWN = "backups_unknown"  # nobody said for how long backups are kept
    BUCKET_UNKNOWN = "bucket_unknown"  # the bucket does not say how long it keeps what is deleted


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """One entry of the document in the log.

    Attributes:
        index: in the log.
        entry_id: of the entry.
        kind: what it does.
        proof: its ``.tlog-proof``, made after the erasure.
        verifies: whether the proof proves the published leaf under the log's keys.
    """

    index: int
    entry_id: str
    kind: str
    proof: str
    verifies: bool


@dataclass(frozen=True, slots=True)
class ErasureReport:
    """What is gone, since when, and what proves it. Ids, counts and codes; no names.

    Attributes:
        document_id: the document.
        unreachable_since: when it was marked; nobody could read it from then on.
        unrecoverable_from: when its key is in no backup any more, and no store can bring back its
            upload, which was sealed under the tenant's key; None when nobody can say.
        because: what decides that.
        key_gone: whether the keyring has the key no more; looked at again for this report.
        submissions: how many had brought its bytes.
        removed: objects by kind.
        generations: earlier generations of them, removed besides.
        kept: of an e-mail, how many attachments stay, by why.
        carried_by: ids of living e-mails whose originals still contain these bytes.
        erasure: the entry that says so; None where the books never heard of the document.
        pending: whether that entry is not sealed yet.
        earlier: every other sealed entry of the document.
    """

    document_id: str
    unreachable_since: datetime
    unrecoverable_from: datetime | None
    because: Why
    key_gone: bool
    submissions: int
    removed: Mapping[str, int]
    generations: int
    kept: Mapping[str, int]
    carried_by: Sequence[str]
    erasure: ProvenEntry | None
    pending: bool
    earlier: Sequence[ProvenEntry]

    @property
    def proven(self) -> bool:
        """Whether nothing contradicts that it is erased."""
        entries = [one for one in (self.erasure, *self.earlier) if one is not None]
        return self.key_gone and all(one.verifies for one in entries)


def report(
    house: House,
    erasure: Erasure,
    *,
    kept: Mapping[str, int],
    settings: ErasureSettings | None = None,
    until: float,
) -> ErasureReport:
    """Look at what is left, wait for the erasure's entry, and prove every entry of the document.

    Args:
        house: where it was erased.
        erasure: what the eraser did.
        kept: what stayed of an e-mail's attachments.
        settings: read from the environment when None.
        until: when to wait no longer for the entry, in the clock's monotonic seconds.

    Raises:
        TransientError: something is unavailable.
    """
    settings = settings or ErasureSettings.from_environment()
    keeping = house.versions.keeping() if house.versions is not None else Keeping(False, 0)  # noqa: FBT003 - one generation each
    sealed, pending = _sealed(house, erasure, until)
    proven = [_prove(house, erasure.tenant, one) for one in sealed]
    said = next((one for one in proven if one.kind == EntryKind.ERASURE), None)
    unrecoverable_from, because = _unrecoverable(erasure, house.clock.now(), settings, keeping)
    return ErasureReport(
        document_id=erasure.document_id,
        unreachable_since=erasure.since,
        unrecoverable_from=unrecoverable_from,
        because=because,
        key_gone=_key_gone(house, erasure.document_id),
        submissions=erasure.submissions,
        removed=dict(erasure.removed),
        generations=erasure.generations,
        kept=dict(kept),
        carried_by=list(_carriers(house, erasure)),
        erasure=said,
        pending=pending,
        earlier=[one for one in proven if one.kind != EntryKind.ERASURE],
    )


def _unrecoverable(
    erasure: Erasure, now: datetime, settings: ErasureSettings, keeping: Keeping | None
) -> tuple[datetime | None, Why]:
    """Say from when on, and what decides it.

    Soft deletion is counted from now: this call may have completed an earlier one.
    """
    if keeping is None:
        return None, Why.BUCKET_UNKNOWN
    if settings.backup_days is None:
        return None, Why.BACKUPS_UNKNOWN
    backups = erasure.since + timedelta(days=settings.backup_days)
    soft = now + timedelta(seconds=keeping.soft_delete_s)
    if keeping.soft_delete_s and soft > backups:
        return soft, Why.SOFT_DELETE
    return backups, Why.BACKUPS if settings.backup_days else Why.KEY_DESTROYED


def _key_gone(house: House, document_id: str) -> bool:
    try:
        house.keyring.document_key(document_id)
    except KeyMissingError:
        return True
    return False


def _sealed(house: House, erasure: Erasure, until: float) -> tuple[list[Booked], bool]:
    """Return the document's sealed entries, and whether the one about its erasure is to come."""
    while True:
        history = house.ledger.journal.history(erasure.tenant, erasure.document_id)
        if not history:  # the books never heard of it; there may be no log at all
            return [], False
        covered = _covered(house, erasure.tenant)
        sealed = [one for one in history if one.index is not None and one.index < covered]
        told = any(one.entry.kind is EntryKind.ERASURE for one in sealed)
        if told or house.clock.monotonic() >= until:
            return sealed, not told
        house.clock.sleep(_LOOK_S)


def _covered(house: House, tenant: str) -> int:
    """Return how many entries the published checkpoint covers."""
    published = house.ledger.log_of(tenant).published()
    return published.checkpoint.size if published is not None else 0


def _prove(house: House, tenant: str, booked: Booked) -> ProvenEntry:
    assert booked.index is not None
    log = house.ledger.log_of(tenant)
    proof, verifies = "", False
    try:
        proof = log.prove(booked.index)
        verifies = verify_proof(proof, log.keys, leaf=booked.entry.leaf).index == booked.index
    except TlogError:
        verifies = False  # the log is not what the books say
    return ProvenEntry(
        index=booked.index,
        entry_id=booked.entry.entry_id,
        kind=booked.entry.kind.value,
        proof=proof,
        verifies=verifies,
    )


def _carriers(house: House, erasure: Erasure) -> Iterator[str]:
    """Yield the living e-mails that carried the bytes: they are in their originals, too."""
    seen = set()
    for brought in house.register.submissions_of(erasure.tenant, erasure.document_id):
        if brought.parent is None or brought.status is SubmissionStatus.REFUSED:
            continue
        carrier = house.register.submission(brought.parent)
        email = carrier.document_id if carrier is not None else None
        if email is not None and email not in seen and not house.tombstones.stands(email):
            seen.add(email)
            yield email
