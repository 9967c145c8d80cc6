"""Proposals in SQL: appended, ended once, never changed."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select

from services.ledger.adapters.rows import micros, moment
from services.ledger.adapters.schema import OnDatabase
from services.ledger.adapters.tables import proposal_ends, proposals
from services.ledger.ports import AlreadySettledError, ConflictError
from services.ledger.proposals import Ask, Ended, How, Proposal


class SqlProposals(OnDatabase):
    """``ports.Proposals`` over SQLAlchemy."""

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal."""
        row = {
            "proposal_id": proposal.proposal_id,
            "tenant": proposal.tenant,
            "document_id": proposal.ask.document_id,
            "base": proposal.base,
            "asked": proposal.ask.as_json(),
            "drafted": proposal.drafted,
            "proposer": proposal.proposer,
            "proposed_at": micros(proposal.proposed_at),
            "expires_at": micros(proposal.expires_at),
        }
        there = select(proposals.c.proposal_id).where(
            proposals.c.proposal_id == proposal.proposal_id
        )
        with self._database.writing() as connection:
            if connection.execute(there).one_or_none() is not None:
                raise ConflictError
            connection.execute(insert(proposals).values(row))

    def end_proposal(self, proposal_id: str, ended: Ended) -> None:
        """Keep how it ended."""
        with self._database.writing() as connection:
            if has_ended(connection, proposal_id):
                raise AlreadySettledError
            write_end(connection, proposal_id, ended)

    def proposals(self, tenant: str) -> list[Proposal]:
        """Return all of them, oldest first."""
        ends = proposal_ends
        query = (
            select(proposals, ends.c.how, ends.c.actor, ends.c.entry_id, ends.c.ended_at)
            .outerjoin(ends, ends.c.proposal_id == proposals.c.proposal_id)
            .where(proposals.c.tenant == tenant)
            .order_by(proposals.c.proposed_at, proposals.c.proposal_id)
        )
        with self._database.reading() as connection:
            return [_proposal(row) for row in connection.execute(query)]


def has_ended(connection: Connection, proposal_id: str) -> bool:
    """Return whether a proposal was decided, or is none."""
    known = select(proposals.c.proposal_id).where(proposals.c.proposal_id == proposal_id)
    ended = select(proposal_ends.c.how).where(proposal_ends.c.proposal_id == proposal_id)
    if connection.execute(known).one_or_none() is None:
        return True
    return connection.execute(ended).one_or_none() is not None


def write_end(connection: Connection, proposal_id: str, ended: Ended) -> None:
    """Write how a proposal ended."""
    row = {
        "proposal_id": proposal_id,
        "how": ended.how.value,
        "actor": ended.actor,
        "entry_id": ended.entry_id,
        "ended_at": micros(ended.at),
    }
    connection.execute(insert(proposal_ends).values(row))


def _proposal(row: Row[Any]) -> Proposal:
    return Proposal(
        proposal_id=row.proposal_id,
        tenant=row.tenant,
        ask=Ask.from_json(row.asked),
        base=row.base,
        drafted=row.drafted,
        proposer=row.proposer,
        proposed_at=moment(row.proposed_at),
        expires_at=moment(row.expires_at),
        ended=None
        if row.how is None
        else Ended(How(row.how), row.actor, moment(row.ended_at), row.entry_id),
    )
