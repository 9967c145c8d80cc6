"""All registers give the same answers, whatever comes in whatever order."""

from collections.abc import Callable
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.ingest.register import TableRegister
from services.ingest.register_memory import memory_register
from services.ingest.register_schema import METADATA
from services.ingest.register_sql import SqlRegister
from shared.events.payloads import DocumentErased
from shared.telemetry.reasons import RefusedReason
from tests.services.ingest.lifecycle import (
    DEADLINES,
    DOC,
    JOB,
    OTHER,
    SECOND,
    START,
    event,
    held,
    posted,
    quarantined,
    received,
    upload,
)

Step = Callable[[TableRegister], object]


STEPS: list[Step] = [
    *(
        step
        for job in (JOB, SECOND)
        for replay in (0, 1)
        for doc in (DOC, OTHER)
        for step in (
            lambda r, j=job, p=replay, d=doc: r.accept(upload(j, replay=p), document_id=d, pages=1),
            lambda r, j=job, p=replay, d=doc: r.expand(upload(j, replay=p), document_id=d),
            lambda r, j=job, p=replay: r.refuse(upload(j, replay=p), RefusedReason.EMPTY),
            lambda r, j=job, p=replay: r.apply([event(quarantined(j), job=j, replay=p)]),
            lambda r, j=job, p=replay, d=doc: r.apply([event(received(d), job=j, replay=p)]),
            lambda r, j=job, p=replay, d=doc: r.apply([event(quarantined(d), job=j, replay=p)]),
            lambda r, j=job, d=doc: r.apply([event(posted(d), job=j), event(held(d), job=j)]),
            lambda r, j=job, d=doc: r.apply([event(DocumentErased(document_id=d), job=j)]),
        )
    )
]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.sampled_from(STEPS), max_size=12))
def test_all_registers_answer_alike(sql_register: SqlRegister, steps: list[Step]) -> None:
    """The simulation may trust the fake."""
    verb = "TRUNCATE" if sql_register.database.kind == "postgresql" else "DELETE FROM"
    with sql_register.database.writing() as connection:
        for table in METADATA.tables:
            connection.execute(text(f"{verb} {table}"))
    memory = memory_register(DEADLINES)
    for step in steps:
        assert step(memory) == step(sql_register)
    assert memory.submissions() == sql_register.submissions()
    assert memory.documents() == sql_register.documents()
    now = START + timedelta(minutes=8)
    assert memory.counts(now) == sql_register.counts(now)
    assert memory.late(now) == sql_register.late(now)
    flow = memory.flow(now, window=timedelta(hours=1))
    assert flow == sql_register.flow(now, window=timedelta(hours=1))
    assert [one.waiting for one in flow] == [one.entered - one.left for one in flow]
