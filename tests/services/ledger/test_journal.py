"""The journal's contract, on every implementation: append-only, all or none, first come."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import pytest

from services.ledger.adapters.admission import UnbalancedError
from services.ledger.drafting import Paper
from services.ledger.entries import Booking, Entry, Posting, Trail
from services.ledger.ports import (
    AlreadySettledError,
    Balance,
    ConflictError,
    FencedError,
    Freshness,
    Journal,
    RolledBackError,
    SealedRow,
)
from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.reasons import HeldReason
from shared.tlog.checkpoint import Checkpoint, SignedCheckpoint
from tests.services.ledger.conftest import TENANT, TRACE, House, document

TRAIL = Trail("job", TRACE)
DAY = dt.date(2026, 1, 31)
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
BALANCED = (Posting("5000", "EUR", 500), Posting("1000", "EUR", -500))


def paper(name: str = "a", revision: int = 0, commitment: str = "c" * 64) -> Paper:
    return Paper(TENANT, b"k" * 32, document(name), revision, DocumentType.RECEIPT, commitment)


def a_post(name: str = "a", **facts: object) -> Entry:
    made = {"date": DAY, "postings": BALANCED, **facts}
    return paper(name).entry(EntryKind.POST, **made)  # type: ignore[arg-type]


def a_hold(name: str = "a") -> Entry:
    return paper(name).entry(EntryKind.HOLD, reason=HeldReason.POSSIBLE_DUPLICATE)


def book(*entries: Entry, **more: object) -> Booking:
    return Booking(entries, TRAIL, **more)  # type: ignore[arg-type]


def test_what_was_appended_is_read_back_whole(journal: Journal) -> None:
    """Every fact of an entry survives the journal."""
    post = a_post()
    assert journal.append(book(post)).fresh
    [booked] = journal.history(TENANT, document("a"))
    assert (booked.entry, booked.index) == (post, None)
    assert journal.trail(post.entry_id) == TRAIL
    assert journal.trail("0" * 40) is None
    assert journal.tenants() == [TENANT]


def test_the_same_again_is_success(journal: Journal) -> None:
    """Redelivery must find what it did before."""
    journal.append(book(a_post()))
    again = journal.append(book(a_post()))
    assert not again.fresh
    assert len(journal.history(TENANT, document("a"))) == 1


def test_another_input_is_refused(journal: Journal) -> None:
    """One revision, one decision."""
    journal.append(book(a_post()))
    other = paper(commitment="d" * 64).entry(EntryKind.MEMO)
    with pytest.raises(ConflictError):
        journal.append(book(other))


def test_an_entry_by_hand_again_is_success_and_another_refused(journal: Journal) -> None:
    """A command repeated after a crash finds its own entry; somebody else's is not overwritten."""
    hold = a_hold()
    journal.append(book(hold))
    mine = a_post(settles=hold.entry_id, actor="1" * 40)
    journal.append(book(mine))
    assert not journal.append(book(mine)).fresh
    with pytest.raises(ConflictError):
        journal.append(book(a_post(settles=hold.entry_id, actor="2" * 40)))


def test_a_state_ends_once(journal: Journal) -> None:
    """Two bookkeepers, one hold: the second must look again."""
    hold = a_hold()
    journal.append(book(hold))
    journal.append(book(paper().entry(EntryKind.VOID, settles=hold.entry_id, actor="1" * 40)))
    with pytest.raises(AlreadySettledError):
        journal.append(book(a_post(settles=hold.entry_id, actor="1" * 40)))


@pytest.mark.parametrize(
    "entry",
    [
        a_post(postings=(Posting("5000", "EUR", 1), Posting("1000", "USD", -1))),
        a_post(postings=(Posting("5000", "EUR", 2), Posting("1000", "EUR", -1))),
        a_post(postings=()),
        paper().entry(EntryKind.MEMO, postings=BALANCED),
    ],
    ids=["across currencies", "by one cent", "none at all", "a memo that posts"],
)
def test_unbalanced_entries_are_refused(journal: Journal, entry: Entry) -> None:
    """The last door: whatever drew it up, no journal takes it."""
    with pytest.raises(UnbalancedError):
        journal.append(book(entry))
    assert journal.tenants() == []


def test_a_batch_is_all_or_none(journal: Journal) -> None:
    """Half a batch would be nobody's decision."""
    journal.append(book(a_post("a")))
    wrong = paper("a", commitment="d" * 64).entry(EntryKind.MEMO)
    with pytest.raises(ConflictError):
        journal.append_many([book(a_post("b")), book(wrong)])
    assert journal.history(TENANT, document("b")) == []
    assert [row.document_id for row in journal.outbox(TENANT)] == [document("a")]


def test_a_batch_is_as_if_one_after_the_other(journal: Journal) -> None:
    """Doubles within a batch are found as well."""
    print_ = "f" * 40
    first, again, doubled = journal.append_many(
        [
            book(a_post("a"), fingerprint=print_, instead=(a_hold("a"),)),
            book(a_post("a"), fingerprint=print_, instead=(a_hold("a"),)),
            book(a_post("b"), fingerprint=print_, instead=(a_hold("b"),)),
        ]
    )
    assert (first.fresh, again.fresh, doubled.fresh) == (True, False, True)
    assert doubled.entry.kind is EntryKind.HOLD


def test_a_forgotten_fingerprint_no_longer_doubles(journal: Journal) -> None:
    """A voided document's invoice may come again in another file."""
    hold = a_hold("a")
    journal.append(book(hold, fingerprint="f" * 40))
    void = paper("a").entry(EntryKind.VOID, settles=hold.entry_id, actor="1" * 40)
    journal.append(book(void, forget=True))
    appended = journal.append(book(a_post("b"), fingerprint="f" * 40, instead=(a_hold("b"),)))
    assert appended.entry.kind is EntryKind.POST


def test_a_new_fingerprint_replaces_the_old_in_one_batch(journal: Journal) -> None:
    """A document has one fingerprint: that of its newest revision."""
    newer = paper("a", revision=1).entry(EntryKind.POST, date=DAY, postings=BALANCED)
    journal.append_many(
        [book(a_post("a"), fingerprint="e" * 40), book(newer, fingerprint="f" * 40)]
    )
    old = journal.append(book(a_post("b"), fingerprint="e" * 40, instead=(a_hold("b"),)))
    new = journal.append(book(a_post("c"), fingerprint="f" * 40, instead=(a_hold("c"),)))
    assert (old.entry.kind, new.entry.kind) == (EntryKind.POST, EntryKind.HOLD)


def test_the_trial_balance_sums_by_account_and_currency(journal: Journal) -> None:
    """What a bookkeeper looks at first; it sums to zero per currency."""
    yen = (Posting("5000", "JPY", 7), Posting("1000", "JPY", -7))
    journal.append_many([book(a_post("a")), book(a_post("b")), book(a_post("c", postings=yen))])
    assert journal.trial_balance(TENANT) == [
        Balance("1000", "EUR", -1000),
        Balance("5000", "EUR", 1000),
        Balance("1000", "JPY", -7),
        Balance("5000", "JPY", 7),
    ]
    assert journal.trial_balance("nobody") == []


def test_entries_stream_in_the_order_of_the_log(journal: Journal) -> None:
    """Exports and audits read more than fits into memory; unsequenced entries are not exported."""
    count = 1203
    journal.append_many([book(a_post(f"d{number}")) for number in range(count)])
    fence = journal.claim("me", now=NOW, lease_s=30)
    assert fence is not None
    assert list(journal.entries(TENANT)) == []
    assert journal.assign(TENANT, fence=fence, most=1000) == 1000
    assert journal.assign(TENANT, fence=fence, most=1000) == 203
    assert journal.assign(TENANT, fence=fence, most=1000) == 0
    assert journal.sequenced(TENANT) == count
    assert [booked.index for booked in journal.entries(TENANT, first=3)] == list(range(3, count))
    in_order = [booked.entry.leaf for booked in journal.all_entries(TENANT)]
    assert journal.leaves(TENANT, 0, count) == in_order
    assert len(list(journal.outbox(TENANT))) == count


def test_the_fence_grows_when_the_lease_changes_hands(journal: Journal) -> None:
    """Whoever comes back from a pause must be recognised as late."""
    later = NOW + dt.timedelta(seconds=30)
    assert journal.claim("a", now=NOW, lease_s=30) == 1
    assert journal.claim("a", now=NOW, lease_s=30) == 1
    assert journal.claim("b", now=NOW, lease_s=30) is None
    assert journal.claim("b", now=later, lease_s=30) == 2
    with pytest.raises(FencedError):
        journal.assign(TENANT, fence=1, most=1)


def test_nobody_assigns_without_a_lease(journal: Journal) -> None:
    """An index given outside the lease could be given twice."""
    journal.append(book(a_post()))
    with pytest.raises(FencedError):
        journal.assign(TENANT, fence=1, most=1)


def test_the_outbox_keeps_when_it_told_and_tells_again_on_request(journal: Journal) -> None:
    """Kept, so that an audit can compare; asked again, because events can be lost."""
    post = a_post()
    journal.append(book(post))
    fence = journal.claim("me", now=NOW, lease_s=30)
    assert fence is not None
    assert journal.unpublished(TENANT, below=1, most=10) == []
    journal.assign(TENANT, fence=fence, most=10)
    assert journal.unpublished(TENANT, below=0, most=10) == []
    [(booked, trail)] = journal.unpublished(TENANT, below=1, most=10)
    assert (booked.entry, booked.index, trail) == (post, 0, TRAIL)
    journal.mark_published([post.entry_id], at=NOW)
    journal.mark_published([], at=NOW)
    assert [row.published for row in journal.outbox(TENANT)] == [NOW]
    assert journal.tenants_waiting() == []
    journal.announce_again("0" * 40)
    journal.announce_again(post.entry_id)
    assert journal.tenants_waiting() == [TENANT]


def signed(size: int, root: bytes = b"r" * 32) -> SignedCheckpoint:
    """Return a checkpoint whose signature nobody checks here."""
    checkpoint = Checkpoint("test.example/log", size, root)
    return SignedCheckpoint(checkpoint, f"{checkpoint.text}\n\u2014 test.example/log AAAA\n")


def test_freshness_is_that_of_the_log_that_waits_longest(journal: Journal) -> None:
    """On-call is told of entries that no checkpoint covers, sequenced or not, and since when."""
    assert journal.freshness() == Freshness()
    journal.append_many([book(a_post("a")), book(a_post("b"))])
    assert journal.freshness() == Freshness(2)
    fence = journal.claim("me", now=NOW, lease_s=30)
    assert fence is not None
    journal.assign(TENANT, fence=fence, most=1)
    assert journal.freshness() == Freshness(2)
    journal.record_checkpoint(TENANT, signed(1), at=NOW)
    assert journal.freshness() == Freshness(1, NOW)
    journal.append(book(replace(a_post("c"), tenant="another", entry_id="c" * 40)))
    assert journal.freshness() == Freshness(2, NOW)
    journal.assign(TENANT, fence=fence, most=1)
    journal.record_checkpoint(TENANT, signed(2), at=NOW + dt.timedelta(seconds=5))
    assert journal.freshness() == Freshness(1)


def test_the_checkpoint_history_never_says_two_things(journal: Journal) -> None:
    """The same again is no error; another root of the same size is a forked log."""
    root = b"r" * 32
    for size in (2, 1, 2):
        journal.record_checkpoint(TENANT, signed(size, root), at=NOW)
    assert journal.checkpoints(TENANT) == [signed(1, root), signed(2, root)]
    with pytest.raises(RolledBackError):
        journal.record_checkpoint(TENANT, signed(2, b"s" * 32), at=NOW)


def test_intents_stand_once_claimed(journal: Journal) -> None:
    """What was decided to be signed is signed, or nothing is."""
    intents = journal.intents(TENANT)
    assert intents.get(3) is None
    assert intents.claim(3, b"r" * 32) == b"r" * 32
    assert intents.claim(3, b"s" * 32) == b"r" * 32
    assert intents.keep_note(3, "first") == "first"
    assert intents.keep_note(3, "second") == "first"
    intents.claim(5, b"t" * 32)
    assert [(intent.size, intent.note) for intent in intents.after(2)] == [(3, "first"), (5, None)]
    assert journal.intents("other").after(0) == []
    found = journal.intents(TENANT).get(3)
    assert found is not None
    assert found.root == b"r" * 32


def test_an_audit_sees_every_decision_and_checkpoint_as_stored(journal: Journal) -> None:
    """Whoever they say they are of, signed or not."""
    note = Checkpoint("log", 1, b"r" * 32).text + "\n\u2014 log AAAAAA==\n"
    journal.append(book(a_post()))
    intents = journal.intents(TENANT)
    intents.claim(1, b"r" * 32)
    assert journal.sealed() == [SealedRow(TENANT, 1, b"r" * 32, None, recorded=False)]
    intents.keep_note(1, note)
    intents.claim(2, b"s" * 32)
    signed = SignedCheckpoint(Checkpoint("log", 1, b"r" * 32), note)
    journal.record_checkpoint(TENANT, signed, at=NOW)
    assert journal.sealed() == [
        SealedRow(TENANT, 1, b"r" * 32, note, recorded=False),
        SealedRow(TENANT, 2, b"s" * 32, None, recorded=False),
        SealedRow(TENANT, 1, b"r" * 32, note, recorded=True),
    ]
    assert journal.audited_tenants() == [TENANT]


def test_reprs_show_no_content(journal: Journal) -> None:
    """A journal in a traceback must not print its entries."""
    journal.append(book(a_post()))
    assert document("a") not in repr(journal)
    assert "leaf" not in repr(a_post())


def test_holds_are_listed_until_settled(house: House, summary: Callable[..., object]) -> None:
    """The bookkeeper's list holds what is still to do, oldest first."""
    for name in ("a", "b"):
        house.books(name, summary(doubts=(HeldReason.LINES_MISMATCH,), invoice_id=name))  # type: ignore[arg-type]
    assert [b.entry.document_id for b in house.desk.held(TENANT)] == [document("a"), document("b")]
    house.desk.void(TENANT, document("a"), actor=house.actor)
    assert [b.entry.document_id for b in house.desk.held(TENANT)] == [document("b")]


def test_a_forged_tenant_changes_no_other_books(journal: Journal) -> None:
    """The same document id in two tenants is two documents."""
    journal.append(book(a_post()))
    other = replace(paper(), tenant="other", tenant_key=b"o" * 32)
    journal.append(book(other.entry(EntryKind.MEMO)))
    assert len(journal.history(TENANT, document("a"))) == 1
    assert len(journal.history("other", document("a"))) == 1
