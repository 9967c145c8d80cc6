"""The flow of documents in SQL: one row a stage and ten seconds, for an hour."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, case, func, select, text
from sqlalchemy import bindparam as bound

from services.ingest.register_flow import KEPT_SLOTS, SECOND, FlowKey, window_of
from services.ingest.register_order import STAGES
from services.ingest.register_schema import DOCUMENTS, FLOW, micros, moment
from services.ingest.registered import StageFlow

# SQLAlchemy knows this one by dialect only; SQLite and PostgreSQL spell it alike.
_COUNT: Final = text(
    "INSERT INTO flow (slot, tenant, stage, entered, departed)"
    " VALUES (:slot, :tenant, :stage, :entered, :departed)"
    " ON CONFLICT (slot, tenant, stage) DO UPDATE"
    " SET entered = flow.entered + excluded.entered, departed = flow.departed + excluded.departed"
)
_FORGET: Final = FLOW.delete().where(FLOW.c.slot <= bound("oldest"))
_FORGET_EVERY: Final = 6  # slots


class SqlFlow:
    """Counts in the transactions of others, and reads."""

    def __init__(self) -> None:
        self._forgotten = 0

    def count(self, connection: Connection, flow: Mapping[FlowKey, tuple[int, int]]) -> None:
        """Add what moved; now and then, forget what moved long ago."""
        newest, _tenant, _stage = max(flow)
        if newest >= self._forgotten + _FORGET_EVERY:
            connection.execute(_FORGET, {"oldest": newest - KEPT_SLOTS})
            self._forgotten = newest
        # In one order, so that no two transactions wait for each other.
        connection.execute(
            _COUNT,
            [
                {"slot": slot, "tenant": tenant, "stage": stage, "entered": came, "departed": went}
                for (slot, tenant, stage), (came, went) in sorted(flow.items())
            ],
        )

    def read(
        self, connection: Connection, now: datetime, window: timedelta, tenant: str | None
    ) -> list[StageFlow]:
        """Return what waits in each stage, and what moved in a window that ends now."""
        after, last = window_of(now, window)
        there = (
            select(
                DOCUMENTS.c.stage,
                func.count(),
                func.sum(case((DOCUMENTS.c.deadline < micros(now), 1), else_=0)),
                func.min(DOCUMENTS.c.since),
            )
            .where(DOCUMENTS.c.deadline >= 0)  # all in flight have one, and are found by it
            .group_by(DOCUMENTS.c.stage)
        )
        moved = (
            select(FLOW.c.stage, func.sum(FLOW.c.entered), func.sum(FLOW.c.departed))
            .where(FLOW.c.slot > after, FLOW.c.slot <= last)
            .group_by(FLOW.c.stage)
        )
        if tenant is not None:
            there = there.where(DOCUMENTS.c.tenant == tenant)
            moved = moved.where(FLOW.c.tenant == tenant)
        waiting = {row[0]: row[1:] for row in connection.execute(there)}
        counted = {row[0]: row[1:] for row in connection.execute(moved)}
        return [
            StageFlow(
                stage,
                waiting=count,
                late=late,
                oldest_s=0.0 if since is None else max(0.0, (now - moment(since)) / SECOND),
                entered=entered,
                left=left,
            )
            for stage in STAGES
            for count, late, since in (waiting.get(stage, (0, 0, None)),)
            for entered, left in (counted.get(stage, (0, 0)),)
        ]
