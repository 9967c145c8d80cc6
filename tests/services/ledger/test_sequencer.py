"""Sequencing over both journals: one place for each entry, told once it is sealed."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from services.ledger.adapters.memory import MemoryJournal
from services.ledger.audit import check_books
from services.ledger.publication import StaleLogError
from services.ledger.sequencer import LEASE_S, Sequencer
from shared.errors import TransientError
from shared.events.payloads import EntryHeld, EntryKind, EntryPosted
from shared.events.results import Summary
from shared.logging.stage_log import get_logger
from shared.telemetry.reasons import HeldReason
from shared.telemetry.span_files import SpanFiles, read_spans
from shared.telemetry.tracing import Tracing
from shared.tlog.checkpoint import SignedCheckpoint
from tests.services.ledger.conftest import TENANT, TRACE, House, a_summary, document

MakeSummary = Callable[..., Summary]


def numbered(house: House, count: int) -> None:
    for number in range(count):
        house.books(f"d{number}", a_summary(invoice_id=f"N{number}"))


def test_a_post_is_told_with_its_place_and_trace(house: House) -> None:
    """entry.posted says where anyone can find the entry, on the trace of the upload."""
    event = house.books("a")
    assert house.sequencer.step() == 2
    [told] = house.publisher.events
    assert isinstance(told.data, EntryPosted)
    assert (told.data.index, told.data.tree_size, told.data.kind) == (0, 1, EntryKind.POST)
    assert (told.jobid, told.traceparent, told.subject) == (event.jobid, TRACE, document("a"))
    assert check_books(house.journal, house.log) == []


def test_a_hold_is_told_with_its_reason(house: House, summary: MakeSummary) -> None:
    """Whoever waits for the document learns why."""
    house.books("a", summary(doubts=(HeldReason.TOTAL_MISMATCH,)))
    house.sequencer.step()
    [told] = house.publisher.events
    assert isinstance(told.data, EntryHeld)
    assert told.data.reason is HeldReason.TOTAL_MISMATCH


def test_nothing_to_do_is_nothing_done(house: House) -> None:
    """An idle sequencer touches neither log nor bus."""
    assert house.sequencer.step() == 0
    numbered(house, 2)
    house.sequencer.step()
    assert house.sequencer.step() == 0
    assert house.files[TENANT].files["checkpoint"].decode().split("\n")[1] == "2"


def test_every_entry_of_a_document_has_an_event_id_of_its_own(
    house: House, summary: MakeSummary
) -> None:
    """Hold, post by hand, reversal, post again: four entries, four ids, or consumers drop some."""
    house.books("a", summary(doubts=(HeldReason.LOW_CONFIDENCE,)))
    house.desk.post(TENANT, document("a"), actor=house.actor)
    house.desk.reverse(TENANT, document("a"), actor=house.actor)
    house.desk.post(TENANT, document("a"), actor=house.actor)
    house.sequencer.step()
    assert len({event.id for event in house.publisher.events}) == 4


def test_batches_keep_the_order_of_the_journal(house: House) -> None:
    """A log in another order could not be compared with the journal."""
    numbered(house, 5)
    sequencer = house.another_sequencer("first", batch=2)
    while sequencer.step():
        pass
    leaves = [booked.entry.leaf for booked in house.journal.all_entries(TENANT)]
    assert list(house.log.leaves(TENANT)) == leaves
    assert [signed.checkpoint.size for signed in house.journal.checkpoints(TENANT)] == [2, 4, 5]
    indices = [event.data.index for event in house.publisher.events]  # type: ignore[attr-defined]
    assert indices == [0, 1, 2, 3, 4]


def test_tenants_have_logs_of_their_own(house: House) -> None:
    """One tenant's size says nothing of another's."""
    house.books("a")
    house.handle(house.arrives("b", a_summary(), tenant="other"))
    house.sequencer.step()
    assert [len(list(house.log.leaves(t))) for t in (TENANT, "other")] == [1, 1]


class Crash(Exception):  # noqa: N818 - not an error of ours: the machine stops here
    """The process dies here."""


STEPS = ("assign", "claim", "intent", "note", "files", "checkpoint", "record", "publish", "mark")


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_any_step_loses_and_doubles_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    """Killed before or after any effect, the next run arrives at the same books and log."""
    numbered(house, 3)
    house.sequencer.step()
    house.publisher.events.clear()
    house.books("x", a_summary(invoice_id="X"))
    intents = house.journal.intents(TENANT)
    target, name = {
        "assign": (house.journal, "assign"),
        "claim": (house.journal, "claim"),
        "intent": (type(intents), "claim"),
        "note": (type(intents), "keep_note"),
        "files": (house.files[TENANT], "create_all"),
        "checkpoint": (house.files[TENANT], "replace_larger"),
        "record": (house.journal, "record_checkpoint"),
        "publish": (house.publisher, "publish"),
        "mark": (house.journal, "mark_published"),
    }[step]
    real = getattr(target, name)

    def dying(*args: Any, **named: Any) -> Any:
        if when == "after":
            real(*args, **named)
        raise Crash

    with monkeypatch.context() as dead:
        dead.setattr(target, name, dying)
        with pytest.raises(Crash):
            house.sequencer.step()
    if when == "before" or step not in ("publish", "mark"):
        assert house.publisher.events == [] or step == "mark"
    house.books("y", a_summary(invoice_id="Y"))
    house.clock.sleep(LEASE_S + 1)
    successor = house.another_sequencer("second")
    while successor.step():
        pass
    assert check_books(house.journal, house.log) == []
    told = {event.data.entry_id for event in house.publisher.events}  # type: ignore[attr-defined]
    assert told >= {b.entry.entry_id for b in house.journal.history(TENANT, document("x"))}
    assert len({event.id for event in house.publisher.events}) == 2
    assert all(row.published for row in house.journal.outbox(TENANT))


def test_only_one_sequencer_works(house: House) -> None:
    """Two of them would give two entries one place."""
    house.books("a")
    house.journal.claim("somebody", now=house.clock.now(), lease_s=LEASE_S)
    assert house.sequencer.step() == 0
    assert house.publisher.events == []
    house.clock.sleep(LEASE_S)
    assert house.sequencer.step() == 2


def test_a_sequencer_that_lost_its_lease_writes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paused past its lease (a stopped machine), it must not go on where another began."""
    house.books("a")
    stale = house.journal.claim("first", now=house.clock.now(), lease_s=LEASE_S)
    house.clock.sleep(LEASE_S)
    house.journal.claim("second", now=house.clock.now(), lease_s=LEASE_S)
    monkeypatch.setattr(house.journal, "claim", lambda *_a, **_k: stale)
    assert house.sequencer.step() == 0
    assert house.journal.sequenced(TENANT) == 0


def test_a_lease_lost_before_publishing_stops_the_step(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Assigning and publishing are two moments; the lease is asked at both."""
    house.books("a")
    answers = iter([house.journal.claim("first", now=house.clock.now(), lease_s=LEASE_S), None])
    monkeypatch.setattr(house.journal, "claim", lambda *_a, **_k: next(answers))
    assert house.sequencer.step() == 0
    assert house.publisher.events == []


@pytest.mark.parametrize("step", ["claim", "keep_note"])
def test_a_log_that_grew_while_the_sequencer_stood_still_is_no_alarm(
    house: House, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Overtaken between deciding a checkpoint and publishing it: the other one goes on, unharmed.

    The first one finds a larger log than the journal that it knew, which otherwise calls a person.
    """
    house.books("a")
    intents = type(house.journal.intents(TENANT))
    real = getattr(intents, step)

    def standing_still(*args: Any) -> Any:
        monkeypatch.setattr(intents, step, real)
        decided = real(*args)
        house.clock.sleep(LEASE_S + 1)
        house.books("b", a_summary(invoice_id="B"))
        assert house.another_sequencer("second").step() > 0
        return decided

    monkeypatch.setattr(intents, step, standing_still)
    assert house.sequencer.step() == 0
    assert check_books(house.journal, house.log) == []
    assert {event.subject for event in house.publisher.events} == {document("a"), document("b")}


class BrokenLog:
    """A log whose store is down."""

    def published(self) -> SignedCheckpoint | None:
        raise TransientError("down")

    def extend(self, leaves: Iterable[bytes], *, first_index: int) -> SignedCheckpoint:
        del leaves, first_index
        raise TransientError("down")


def test_one_tenants_broken_log_does_not_stop_the_others(house: House) -> None:
    """The failure is raised, after everybody else was served."""
    house.books("a")
    house.handle(house.arrives("b", a_summary(), tenant="zeta"))
    real = house.publication
    house.publication = (  # type: ignore[method-assign]
        lambda tenant: BrokenLog() if tenant == TENANT else real(tenant)  # type: ignore[assignment, return-value]
    )
    sequencer = house.another_sequencer("first")
    with pytest.raises(TransientError):
        sequencer.step()
    assert [event.tenant for event in house.publisher.events] == ["zeta"]


def test_a_journal_from_an_old_backup_signs_nothing(memory_house: House) -> None:
    """Signing again over a shorter past would prove two histories."""
    house = memory_house
    numbered(house, 3)
    house.sequencer.step()
    old = House(MemoryJournal(), house.chart)
    old.files, old.signers = house.files, house.signers
    numbered(old, 2)
    before = dict(house.files[TENANT].files)
    with pytest.raises(StaleLogError):
        old.sequencer.step()
    assert house.files[TENANT].files == before
    assert old.publisher.events == []


def test_the_seal_ends_the_documents_trace(memory_house: House, tmp_path: Path) -> None:
    """An SRE follows one trace from the upload to the entry's place in the log."""
    lines: list[str] = []
    memory_house.sequencer = Sequencer(
        journal=memory_house.journal,
        log_of=memory_house.publication,
        publisher=memory_house.publisher,
        keyring=memory_house.keyring,
        clock=memory_house.clock,
        holder="traced",
        tracing=Tracing(SpanFiles(tmp_path), "ledger"),
        lines=get_logger("sequencer", sink=lines.append),
    )
    event = memory_house.books("a")
    memory_house.sequencer.step()
    [span] = read_spans(tmp_path)
    assert span.trace_id == event.traceparent.split("-")[1]
    assert (span.name, span.attributes["docledger.index"]) == ("seal docledger.entry.posted.v1", 0)
    assert span.attributes["docledger.outcome"] == "post"
    (line,) = [json.loads(line) for line in lines]
    assert (line["op"], line["code"], line["index"]) == ("entry.posted", "post", 0)
    assert (line["trace"], line["span"]) == (span.trace_id, span.span_id)
