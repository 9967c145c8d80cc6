"""An erasure leaves nothing behind, takes what belongs to it, and leaves what others have too."""

from datetime import timedelta
from itertools import count

import pytest

from services.ingest.eraser import Eraser, Erasure, KeyStillThereError
from services.ingest.erasing import SETTLED, Erasing, Kept
from services.ingest.register_memory import memory_register
from services.ingest.registered import RegisteredDocument
from shared.bus.memory import MemoryBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.events.codec import from_message
from shared.events.payloads import DocumentErased
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo, ObjectStore
from shared.objects.versions import Keeping
from shared.telemetry.reasons import RefusedReason
from shared.worker.tombstones import Tombstones
from tests.services.ingest.lifecycle import event, quarantined, upload

TOPOLOGY = load_topology()
MAIL, OTHER_MAIL, NESTED = (f"{number}a" * 20 for number in range(3))
DOC, OTHER, THIRD = (f"{number}d" * 20 for number in range(3))


MOST_CHANGES = 60


def job(number: int) -> str:
    """Return a job's id."""
    return f"{number:040x}"


class PowerCutError(Exception):
    """The process is gone."""


class Brittle(MemoryObjects):
    """A store whose owner dies before the ``dies_at``-th change."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.dies_at: int | None = None
        self._changes = count()

    def create(self, name: str, data: bytes) -> ObjectInfo:
        self._live()
        return super().create(name, data)

    def delete(self, name: str, *, generation: int | None = None) -> None:
        self._live()
        super().delete(name, generation=generation)

    def _live(self) -> None:
        if self.dies_at is not None and next(self._changes) >= self.dies_at:
            raise PowerCutError


class Hoard:
    """A store that keeps a generation of everything that was ever written."""

    def __init__(self) -> None:
        self.kept: set[str] = set()

    def purge(self, prefix: str) -> int:
        gone = {name for name in self.kept if name.startswith(prefix)}
        self.kept -= gone
        return len(gone)

    def keeping(self) -> Keeping | None:
        return Keeping(versions=True, soft_delete_s=0)


class Yard:
    """Everything that an erasure touches, in memory."""

    def __init__(self, objects: ObjectStore | None = None) -> None:
        self.clock = FakeClock()
        self.objects = objects or MemoryObjects(self.clock)
        self.keyring = MemoryKeyring()
        self.vault = Vault(self.objects, self.keyring)
        self.bus = MemoryBus(TOPOLOGY, self.clock)
        self.register = memory_register(TOPOLOGY.deadline)
        self.tombstones = Tombstones(self.objects)
        self.told: dict[str, tuple[str, ...]] = {}
        self.held: set[str] = set()
        self.hoard = Hoard()

    @property
    def erasing(self) -> Erasing:
        """One, as after a restart."""
        eraser = Eraser(
            objects=self.objects,
            keyring=self.keyring,
            register=self.register,
            tombstones=self.tombstones,
            publisher=self.bus,
            clock=self.clock,
            versions=self.hoard,
        )
        return Erasing(
            eraser,
            register=self.register,
            tombstones=self.tombstones,
            parts_told=lambda one: self.told.get(one, ()),
            clock=self.clock,
            on_hold=lambda _tenant, document_id: document_id in self.held,
        )

    def document(self, document_id: str) -> RegisteredDocument:
        """Return a document that must be there."""
        found = self.register.document("acme", document_id)
        assert found is not None
        return found

    def keep(self, document_id: str, *jobs: str) -> None:
        """Store what workers would have made of a document."""
        self.keyring.create_document_key(document_id)
        for name in (
            f"originals/{document_id}",
            *(f"results/ingest/{one}" for one in jobs),
            *(f"results/ocr/{document_id}/{revision}" for revision in (0, 1)),
            f"results/summarize/{document_id}/0",
            f"read/pages/{document_id}/1/1-20",
        ):
            self.vault.store(name, document_id, b"content")
        for one in jobs:
            self.vault.store_for_tenant(f"inbox/acme/{one}", "acme", b"content")
            self.objects.create(f"leases/ingest/{one}/upload.arrived.v1-0", b"{}")
            self.objects.create(f"quarantine/ingest/{one}/upload.arrived.v1-0-0", b"{}")
        self.objects.create(f"leases/ocr/{document_id}/document.received.v1-0", b"{}")
        self.objects.create(f"quarantine/ocr/{document_id}/document.received.v1-1-0", b"{}")
        self.objects.create(f"quarantine/ocr/{document_id}/document.received.v1-1-0.x", b"{}")

    def accept(self, number: int, document_id: str, *, parent: int | None = None) -> None:
        """Take in a job's bytes."""
        carrier = None if parent is None else job(parent)
        self.register.accept(upload(job(number), parent=carrier), document_id=document_id, pages=1)

    def expand(self, number: int, document_id: str, *, parent: int | None = None) -> None:
        """Take in an e-mail."""
        carrier = None if parent is None else job(parent)
        self.register.expand(upload(job(number), parent=carrier), document_id=document_id)
        self.keyring.create_document_key(document_id)

    def follow(self) -> None:
        """Let the register hear of erasures."""
        told = self.bus.pull("register.document-erased", most=99, lease_s=60)
        self.bus.acknowledge(told)
        self.register.apply([from_message(one.message) for one in told])

    def erase(self, document_id: str) -> list[Erasure]:
        """Erase a document with what belongs to it."""
        done = self.erasing.erase(self.document(document_id))[1]
        self.follow()
        return done

    @property
    def erased(self) -> set[str]:
        """The ids of what is erased."""
        return {one.document_id for one in self.register.documents() if one.erased}


@pytest.fixture
def yard() -> Yard:
    """Give an e-mail with two attachments, taken in."""
    yard = Yard()
    yard.expand(1, MAIL)
    yard.accept(11, DOC, parent=1)
    yard.accept(12, OTHER, parent=1)
    return yard


def test_nothing_of_a_document_is_left(yard: Yard) -> None:
    """Every revision, page range, upload, lease and record; and every generation of them."""
    yard.accept(13, THIRD)
    yard.accept(14, THIRD)
    yard.keep(THIRD, job(13), job(14))
    yard.keep(OTHER, job(12))
    yard.hoard.kept = {one.name for one in yard.objects.list("")}
    others = [one.name for one in yard.objects.list("") if OTHER in one.name]
    (done,) = yard.erase(THIRD)
    left = {one.name for one in yard.objects.list("")} - {f"tombstones/{THIRD}"}
    assert not [name for name in left if any(x in name for x in (THIRD, job(13), job(14)))]
    assert {name for name in left if OTHER in name} == set(others)
    assert not [name for name in yard.hoard.kept if THIRD in name or job(13) in name]
    assert done.submissions == 2
    assert done.removed == {
        "originals": 1,
        "intakes": 2,
        "uploads": 2,
        "results": 3,
        "page_ranges": 1,
        "leases": 3,
        "quarantine_records": 4,
    }
    assert done.generations == sum(done.removed.values())


def test_erasing_again_finds_nothing_and_keeps_the_first_moment(yard: Yard) -> None:
    """Who asks twice is told when it was."""
    (first, *_parts) = yard.erase(MAIL)
    yard.clock.sleep(3600)
    again = yard.erase(MAIL)
    assert [one.document_id for one in again] == [MAIL]
    assert again[0].since == first.since
    assert again[0].removed == {}


def test_a_key_that_stays_is_no_erasure(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report of success would be a lie."""
    yard.keep(DOC, job(11))
    monkeypatch.setattr(yard.keyring, "destroy_document_key", lambda _name: None)
    with pytest.raises(KeyStillThereError):
        yard.erase(DOC)


def test_an_email_takes_its_attachments_with_it(yard: Yard) -> None:
    """Whoever asks for an e-mail to be forgotten means what it carried."""
    yard.accept(9, THIRD)
    assert {one.document_id for one in yard.erase(MAIL)} == {MAIL, DOC, OTHER}
    assert yard.erased == {MAIL, DOC, OTHER}


def test_an_attachment_alone_goes_alone(yard: Yard) -> None:
    """Its e-mail was not asked for."""
    yard.erase(DOC)
    assert yard.erased == {DOC}


def test_what_a_living_email_carries_stays_until_that_goes(yard: Yard) -> None:
    """The same invoice, forwarded: the second recipient still has it."""
    yard.expand(2, OTHER_MAIL)
    yard.accept(21, DOC, parent=2)
    assert yard.erasing.family(yard.document(MAIL)).kept == {Kept.LIVING_EMAIL: 1}
    yard.erase(MAIL)
    assert yard.erased == {MAIL, OTHER}
    yard.erase(OTHER_MAIL)
    assert yard.erased == {MAIL, OTHER, OTHER_MAIL, DOC}


@pytest.mark.parametrize("first", [True, False])
def test_what_was_handed_in_by_itself_stays(first: bool) -> None:  # noqa: FBT001 - a parameter
    """Whichever came first: somebody wants it kept who has nothing to do with the e-mail."""
    yard = Yard()
    if first:
        yard.accept(9, DOC)
    yard.expand(1, MAIL)
    yard.accept(11, DOC, parent=1)
    if not first:
        yard.accept(9, DOC)
    assert yard.erasing.family(yard.document(MAIL)).kept == {Kept.OWN: 1}
    yard.erase(MAIL)
    assert yard.erased == {MAIL}


def test_a_submission_that_was_refused_keeps_nothing(yard: Yard) -> None:
    """It left nothing behind: nobody has the document through it."""
    yard.register.refuse(upload(job(9)), RefusedReason.ERASED, document_id=DOC)
    assert {one.document_id for one in yard.erase(MAIL)} == {MAIL, DOC, OTHER}


def test_what_must_stay_stays(yard: Yard) -> None:
    """A legal hold on an attachment is one on that alone."""
    yard.held.add(DOC)
    assert yard.erasing.family(yard.document(MAIL)).kept == {Kept.LEGAL_HOLD: 1}
    yard.erase(MAIL)
    assert yard.erased == {MAIL, OTHER}


def test_attached_emails_go_with_what_they_carried(yard: Yard) -> None:
    """A forwarded e-mail is an attachment with attachments; the same one may lie in both."""
    yard.expand(13, NESTED, parent=1)
    yard.accept(131, THIRD, parent=13)
    yard.accept(132, DOC, parent=13)
    assert {one.document_id for one in yard.erase(MAIL)} == {MAIL, DOC, OTHER, NESTED, THIRD}
    assert yard.erasing.family(yard.document(NESTED)).parts == ()


def test_only_an_attached_email_goes(yard: Yard) -> None:
    """What the e-mail around it carries too stays."""
    yard.expand(13, NESTED, parent=1)
    yard.accept(131, THIRD, parent=13)
    yard.accept(132, DOC, parent=13)
    yard.erase(NESTED)
    assert yard.erased == {NESTED, THIRD}


def test_a_part_that_nobody_could_take_in_goes_too(yard: Yard) -> None:
    """It lies at the door still, sealed under the tenant's key, which stays."""
    yard.vault.store_for_tenant(f"inbox/acme/{job(14)}", "acme", b"content")
    yard.told[job(1)] = (job(11), job(12), job(14))
    yard.register.apply([event(quarantined(job(14)), job=job(14))])
    yard.erase(MAIL)
    assert yard.erased == {MAIL, DOC, OTHER, job(14)}
    assert not list(yard.objects.list("inbox/"))


def test_a_part_that_nobody_has_taken_in_yet_goes_too(yard: Yard) -> None:
    """The e-mail's own intake tells of it; the register does not know it yet."""
    yard.vault.store_for_tenant(f"inbox/acme/{job(14)}", "acme", b"content")
    yard.told[job(1)] = (job(11), job(12), job(14))
    assert yard.erasing.family(yard.document(MAIL)).waiting == (job(14),)
    yard.erase(MAIL)
    assert not list(yard.objects.list("inbox/"))


def test_a_part_whose_parent_was_lost_is_known_by_its_intake(yard: Yard) -> None:
    """The sweeper of an older version sent it again without its e-mail's name."""
    yard.accept(15, THIRD)
    yard.told[job(1)] = (job(11), job(12), job(15))
    yard.erase(MAIL)
    assert yard.erased == {MAIL, DOC, OTHER, THIRD}


def test_a_part_that_came_late_is_erased_later(yard: Yard) -> None:
    """Ingest had it in hand when its e-mail was erased; it is looked for until an hour after."""
    yard.erase(MAIL)
    yard.accept(16, THIRD, parent=1)
    assert [one.document_id for one in yard.erasing.finish()] == [THIRD]
    yard.follow()
    assert yard.erased == {MAIL, DOC, OTHER, THIRD}
    assert list(yard.tombstones.begun())
    yard.clock.sleep((SETTLED + timedelta(seconds=1)).total_seconds())
    assert yard.erasing.finish() == []
    assert not list(yard.tombstones.begun())


def test_what_is_done_is_told_once(yard: Yard) -> None:
    """Looking for what comes late, for an hour, must not keep everybody busy for an hour."""
    yard.erase(MAIL)
    assert yard.erasing.finish() == []
    assert yard.bus.pull("register.document-erased", most=99, lease_s=60) == []


def test_whoever_dies_at_any_change_leaves_what_the_next_one_completes() -> None:
    """Marked, half removed, not told: the same command again, or the next round, ends it."""
    completed = 0
    for dies_at in range(MOST_CHANGES):
        brittle = Brittle(FakeClock())
        yard = Yard(brittle)
        yard.expand(1, MAIL)
        yard.accept(11, DOC, parent=1)
        for name, number in ((MAIL, 1), (DOC, 11)):
            yard.keep(name, job(number))
        brittle.dies_at = dies_at
        try:
            yard.erase(MAIL)
            completed += 1
        except PowerCutError:
            brittle.dies_at = None
            yard.follow()
            yard.erase(MAIL)
        assert yard.erased == {MAIL, DOC}
        left = [one.name for one in yard.objects.list("")]
        marks = ("tombstones/", "erasing/")
        assert not [name for name in left if not name.startswith(marks)], (dies_at, left)
    assert 0 < completed < MOST_CHANGES


def test_the_event_tells_the_ledger_and_the_register(yard: Yard) -> None:
    """Each erased document is told of by itself, with one id however often."""
    yard.erasing.erase(yard.document(MAIL))
    yard.erasing.erase(yard.document(MAIL))
    told = [
        from_message(one.message)
        for one in yard.bus.pull("ledger.document-erased", most=99, lease_s=60)
    ]
    assert {one.subject for one in told} == {MAIL, DOC, OTHER}
    assert len({one.id for one in told}) == 3
    assert all(isinstance(one.data, DocumentErased) for one in told)
