"""Uploads that ingest refuses, or that are erased in its hands: nothing of them is left behind."""

from dataclasses import replace

import pytest

from services.ingest.canary import CANARY
from services.ingest.inspection import Inspection
from services.ingest.registered import Submission
from shared.errors import PermanentError
from shared.events.envelope import Event
from shared.events.ids import document_id
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.worker.outcome import Outcome
from tests.services.ingest.handler_house import KEY, PDF, House, job


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", RefusedReason.EMPTY), (b"x" * 1001, RefusedReason.TOO_LARGE)]
)
def test_a_refused_upload_leaves_nothing_behind(
    house: House, content: bytes, reason: RefusedReason
) -> None:
    """No document, no key, no copy in the inbox; and the same answer to a redelivery."""
    event = house.arrive(1, content)
    assert house.handle(event) == Outcome()
    assert house.register.submissions[job(1)].reason is reason
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}
    assert house.handle(event) == Outcome()


def test_erased_bytes_are_refused_and_not_kept(house: House) -> None:
    """Erasure holds against the sender, too: the inbox copy must go as well."""
    house.erased.add(document_id(KEY, CANARY))
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.ERASED
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}


def test_an_erasure_in_the_middle_wins(house: House) -> None:
    """The key made for the original must not outlive the tombstone."""
    house.originals.erase_meanwhile = house.erased
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.ERASED
    assert house.originals.kept == {}
    assert house.inbox.uploads == {}


def test_the_same_bytes_again_do_not_bring_an_erased_document_back(house: House) -> None:
    """Erased after the tombstone was looked for, it counts as voided; voided ones are read anew."""
    house.handle(house.arrive(1, CANARY))
    document = document_id(KEY, CANARY)
    known = house.register.documents[document]
    house.register.documents[document] = replace(known, erased=True)
    house.originals.kept.clear()
    house.originals.erase_meanwhile = house.erased
    assert house.handle(house.arrive(2, CANARY)) == Outcome()
    assert house.originals.kept == {}
    assert "inbox/acme/" + job(2) not in house.inbox.uploads


@pytest.mark.parametrize("found", [PDF, QuarantineReason.UNREADABLE])
def test_an_erasure_while_an_upload_is_booked_removes_the_upload(
    house: House, monkeypatch: pytest.MonkeyPatch, found: Inspection | QuarantineReason
) -> None:
    """Booked after the eraser asked whose uploads to remove: nobody else would remove this one."""
    house.inspector.found = found
    book = house.register.accept

    def late(upload: Event, *, document_id: str, pages: int) -> Submission:
        house.erased.add(document_id)
        return book(upload, document_id=document_id, pages=pages)

    monkeypatch.setattr(house.register, "accept", late)
    assert house.handle(house.arrive(1, CANARY)) == Outcome()
    assert house.inbox.uploads == {}
    assert house.originals.kept == {}


def test_a_key_made_before_a_crash_does_not_outlive_the_erasure(house: House) -> None:
    """Dead between keeping the original and looking for the tombstone: the next one lets go."""
    house.originals.kept[document_id(KEY, CANARY)] = CANARY
    house.erased.add(document_id(KEY, CANARY))
    house.handle(house.arrive(1, CANARY))
    assert house.originals.kept == {}


def test_an_upload_that_was_erased_after_it_was_booked_is_done(house: House) -> None:
    """The eraser takes the upload away; a late redelivery must not alarm anybody."""
    event = house.arrive(1, CANARY)
    house.handle(event)
    house.inbox.uploads.clear()
    house.erased.add(document_id(KEY, CANARY))
    assert house.handle(event) == Outcome()


def test_an_upload_that_vanished_is_told(house: House) -> None:
    """Unbooked, it is refused with a reason; booked, it is a document that cannot go on."""
    event = house.arrive(1, CANARY)
    house.inbox.uploads.clear()
    assert house.handle(event) == Outcome()
    assert house.register.submissions[job(1)].reason is RefusedReason.UNREADABLE_FILE
    event = house.arrive(2, CANARY)
    house.handle(event)
    house.inbox.uploads.clear()
    with pytest.raises(PermanentError) as caught:
        house.handle(event)
    assert caught.value.document_id == document_id(KEY, CANARY)
