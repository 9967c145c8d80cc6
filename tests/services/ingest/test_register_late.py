"""What every register promises of documents past their deadline."""

from datetime import timedelta

from services.ingest.register import TableRegister
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    OTHER,
    SECOND,
    START,
    document,
    event,
    received,
    upload,
)


def test_late_documents_come_the_longest_first(register: TableRegister) -> None:
    """In flight means inside the deadline; past it, the audit names the document."""
    register.accept(upload(minutes=2), document_id=DOC, pages=1)
    register.accept(upload(SECOND), document_id=OTHER, pages=1)
    deadline = START + DEADLINES("ingest")
    assert register.late(deadline) == []
    late = register.late(deadline + timedelta(minutes=3))
    assert [found.document_id for found in late] == [OTHER, DOC]
    assert register.counts(deadline + timedelta(minutes=1)).late == 1


def test_a_postponed_document_is_late_later(register: TableRegister) -> None:
    """The sweeper published its event again and gives it time."""
    register.accept(upload(), document_id=DOC, pages=1)
    now = START + timedelta(days=1)
    register.postpone(register.late(now), deadline=now + timedelta(minutes=5))
    assert register.late(now) == []
    assert len(register.late(now + timedelta(minutes=6))) == 1


def test_a_document_that_moved_on_is_not_postponed(register: TableRegister) -> None:
    """The sweeper looked, then the document went on: its deadline is the new stage's."""
    register.accept(upload(), document_id=DOC, pages=1)
    seen = document(register)
    register.apply([event(received())])
    register.postpone([seen], deadline=START + timedelta(days=9))
    assert document(register).deadline == START + DEADLINES("ocr")
