"""What is older than the policy keeps it goes; what must stay stays, whatever its age."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.ingest.eraser import Erasure
from services.ingest.policy import Policy
from services.ingest.register import TableRegister
from services.ingest.register_memory import memory_register
from services.ingest.registered import RegisteredDocument
from services.ingest.retention import Fate, Retention
from shared.clock import FakeClock
from shared.errors import UserError
from shared.events.payloads import DocumentErased, DocumentType, EntryKind, EntryPosted
from shared.telemetry.reasons import RefusedReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    OTHER,
    SECOND,
    THIRD,
    event,
    held,
    quarantined,
    read,
    summarized,
    upload,
)

MAIL = "e0" * 20


def posted_as(document_id: str, type_: DocumentType) -> EntryPosted:
    """Return the news that a document was posted."""
    return EntryPosted(
        document_id=document_id,
        entry_id="e0" * 20,
        kind=EntryKind.POST,
        index=0,
        tree_size=1,
        document_type=type_,
    )


@dataclass
class Yard:
    """A register, a policy, and what was erased."""

    register: TableRegister = field(default_factory=lambda: memory_register(DEADLINES))
    policy: Policy = field(
        default_factory=lambda: Policy.model_validate(
            {"keep_days": {"invoice": 100, "letter": 10, "email": 10, "unread": 5}}
        )
    )
    clock: FakeClock = field(default_factory=FakeClock)
    erased: list[str] = field(default_factory=list)

    def erase_alone(self, document: RegisteredDocument) -> Erasure:
        self.erased.append(document.document_id)
        self.register.apply([event(DocumentErased(document_id=document.document_id))])
        return Erasure(document.document_id, document.tenant, self.clock.now(), {}, 0, 1)

    def finish(self) -> list[Erasure]:
        return []

    def after(self, days: float, *, dry: bool = False) -> dict[str, int]:
        """Run so many days after the documents came in; return how many came to which fate."""
        self.clock = FakeClock(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days))
        ran = Retention(
            register=self.register,
            erasing=self,
            policy=self.policy,
            clock=self.clock,
        ).run(dry=dry)
        return {fate.value: count for fate in Fate if (count := ran.count(fate))}


@pytest.fixture
def yard() -> Yard:
    """Give a letter that was posted."""
    yard = Yard()
    yard.register.accept(upload(), document_id=DOC, pages=1)
    yard.register.apply([event(posted_as(DOC, DocumentType.LETTER))])
    return yard


def test_what_is_old_is_erased_once(yard: Yard) -> None:
    """Not before its time, and the second round finds nothing to do."""
    assert yard.after(9.9) == {}
    assert yard.after(10.1, dry=True) == {"erased": 1}
    assert yard.erased == []
    assert yard.after(10.1) == {"erased": 1}
    assert yard.erased == [DOC]
    assert yard.after(99) == {}


def test_what_no_rule_names_stays(yard: Yard) -> None:
    """A file that somebody forgot to write must not erase anything."""
    yard.policy = Policy.read(None)
    assert yard.after(99_999) == {}


def test_a_tenant_may_have_other_days(yard: Yard) -> None:
    """And what it does not name is as for all."""
    own = {"acme": {"keep_days": {"letter": 20}}}
    yard.policy = Policy.model_validate({"keep_days": {"letter": 10}, "tenants": own})
    assert yard.after(15) == {}
    assert yard.after(21) == {"erased": 1}


def test_the_same_bytes_again_begin_the_days_anew(yard: Yard) -> None:
    """Somebody needed them yesterday."""
    yard.register.accept(upload(SECOND, minutes=60 * 24 * 5), document_id=DOC, pages=1)
    assert yard.after(11) == {}
    assert yard.after(15.1) == {"erased": 1}


def test_what_a_person_corrected_counts(yard: Yard) -> None:
    """Read as a letter, posted as an invoice: it must be kept as long as invoices are."""
    yard.register.accept(upload(SECOND), document_id=OTHER, pages=1)
    yard.register.apply([event(summarized(OTHER), job=SECOND)])
    yard.register.apply([event(posted_as(OTHER, DocumentType.INVOICE), job=SECOND)])
    assert yard.after(99) == {"erased": 1}
    assert yard.after(101) == {"erased": 1}
    assert yard.erased == [DOC, OTHER]


@pytest.mark.parametrize(
    ("arrange", "fate"),
    [
        (lambda r: r.apply([event(summarized(OTHER), job=SECOND)]), "in_flight"),
        (
            lambda r: r.apply(
                [event(summarized(OTHER), job=SECOND), event(held(OTHER), job=SECOND)]
            ),
            "undecided",
        ),
    ],
)
def test_who_is_not_done_stays(
    yard: Yard, arrange: Callable[[TableRegister], None], fate: str
) -> None:
    """Whatever its age: somebody works on it, or has to decide."""
    yard.register.accept(upload(SECOND), document_id=OTHER, pages=1)
    arrange(yard.register)
    assert yard.after(1000) == {"erased": 1, fate: 1}
    assert yard.erased == [DOC]


def test_what_was_never_read_goes_by_its_own_rule(yard: Yard) -> None:
    """In quarantine lies what a person wrote, too."""
    yard.register.accept(upload(SECOND), document_id=OTHER, pages=1)
    yard.register.apply([event(quarantined(OTHER), job=SECOND)])
    assert yard.after(6) == {"erased": 1}
    assert yard.erased == [OTHER]


def test_what_was_booked_before_types_were_noted_stays(yard: Yard) -> None:
    """A posted invoice is not unread because nobody says here that it is one."""
    yard.register.accept(upload(SECOND), document_id=OTHER, pages=1)
    entry = posted_as(OTHER, DocumentType.INVOICE).model_copy(update={"document_type": None})
    yard.register.apply([event(read(OTHER), job=SECOND), event(entry, job=SECOND)])
    assert yard.after(1000) == {"erased": 1}
    assert yard.erased == [DOC]


@pytest.mark.parametrize("hold", [{"tenants": ["acme"]}, {"documents": [DOC]}])
def test_what_must_stay_stays(yard: Yard, hold: dict[str, list[str]]) -> None:
    """A court asked for it; the report says that there is something."""
    yard.policy = Policy.model_validate({"keep_days": {"letter": 10}, "hold": hold})
    assert yard.after(1000) == {"legal_hold": 1}
    assert yard.erased == []


def test_a_hold_on_an_email_holds_what_it_carried(yard: Yard) -> None:
    """Half of a letter is no evidence."""
    yard.register.expand(upload(SECOND), document_id=MAIL)
    yard.register.accept(upload(THIRD, parent=SECOND), document_id=OTHER, pages=1)
    yard.register.apply([event(posted_as(OTHER, DocumentType.LETTER), job=THIRD)])
    rules = {"keep_days": {"letter": 10, "email": 10}}
    yard.policy = Policy.model_validate({**rules, "hold": {"documents": [MAIL]}})
    assert yard.after(11) == {"erased": 1, "legal_hold": 2}
    yard.policy = Policy.model_validate(rules)
    assert yard.after(11) == {"erased": 2}
    assert yard.erased == [DOC, OTHER, MAIL]


def test_a_hold_reaches_through_an_email_in_an_email(yard: Yard) -> None:
    """Forwarded evidence is evidence: what the inner e-mail carried, the outer one did."""
    inner, fourth = "e1" * 20, "d3" * 20
    yard.register.expand(upload(SECOND), document_id=MAIL)
    yard.register.expand(upload(THIRD, parent=SECOND), document_id=inner)
    yard.register.accept(upload(fourth, parent=THIRD), document_id=OTHER, pages=1)
    yard.register.apply([event(posted_as(OTHER, DocumentType.LETTER), job=fourth)])
    rules = {"keep_days": {"letter": 10, "email": 10}}
    yard.policy = Policy.model_validate({**rules, "hold": {"documents": [MAIL]}})
    assert yard.after(11) == {"erased": 1, "legal_hold": 3}
    assert yard.erased == [DOC]


def test_a_refused_submission_brings_nothing(yard: Yard) -> None:
    """Its moment says nothing about how long somebody needs the document."""
    late = upload(SECOND, minutes=99 * 24 * 60)
    yard.register.refuse(late, RefusedReason.ERASED, document_id=DOC)
    assert yard.after(10.1) == {"erased": 1}


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("keep_days: {letter: 0}", "keep_days.letter"),
        ("keep_days: {poem: 10}", "keep_days.poem"),
        ("keep_for: {letter: 10}", "keep_for"),
        ("hold: {documents: [abc]}", "hold.documents"),
        ("tenants: {ACME: {}}", "tenants.ACME"),
        ("keep_days: [", "cannot be read"),
        ("- 1", "retention policy"),
    ],
)
def test_a_slip_in_the_policy_erases_nothing(tmp_path: Path, said: str, told: str) -> None:
    """One line says where it is; nothing is guessed."""
    path = tmp_path / "policy.yaml"
    path.write_text(said)
    with pytest.raises(UserError, match=told):
        Policy.read(str(path))


def test_where_no_file_is_at_hand_the_policy_is_said_in_braces() -> None:
    """On Cloud Run a variable is what an installation sets: JSON, as Terraform writes it."""
    rules = {"keep_days": {"letter": 10}, "hold": {"documents": [DOC]}}
    policy = Policy.read(json.dumps(rules))
    assert policy == Policy.model_validate(rules)
    assert policy.holds("acme", DOC)
    assert Policy.read("{}") == Policy()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{keep_days: {leter: 10}}", "the retention policy, keep_days.leter"),
        ('{"hold": {"document": []}}', "the retention policy, hold.document: "),
        ('{"keep_days": {"letter": 10}', "the retention policy cannot be read"),
    ],
)
def test_a_slip_in_the_variable_is_told_in_one_line(said: str, told: str) -> None:
    """Nothing is read as a file's name that was not meant to be one."""
    with pytest.raises(UserError, match=told) as caught:
        Policy.read(said)
    assert "\n" not in str(caught.value)


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    """A mistyped path is not the same as no policy."""
    with pytest.raises(UserError, match="cannot be read"):
        Policy.read(str(tmp_path / "no.yaml"))
    (tmp_path / "empty.yaml").write_text("")
    assert Policy.read(str(tmp_path / "empty.yaml")) == Policy()
