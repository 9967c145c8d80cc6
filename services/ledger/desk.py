"""The bookkeeper's desk: what a person decides about a held or posted document.

Needs the bookkeeper role; leaves an opaque actor id in the books and in the log. What posts more
than the chart's limit needs a second, different person: the first one proposes, and the entry is
made, under both ids, when the second one approves.
"""

import datetime as dt
import re
from dataclasses import replace
from typing import Final

from services.ledger.asked import Drafter
from services.ledger.chart import Chart
from services.ledger.drafting import voiding
from services.ledger.entries import Approval, Booked, Booking, Entry, Standing
from services.ledger.fx import Rate
from services.ledger.periods import PeriodClosedError
from services.ledger.ports import AlreadySettledError, ConflictError, Decisions, Summaries
from services.ledger.proposals import (
    NO_CORRECTIONS,
    Action,
    Ask,
    Corrections,
    Ended,
    How,
    Proposal,
    SecondPersonError,
    above_limit,
    drafted,
)
from shared.clock import Clock
from shared.errors import UserError
from shared.events.ids import keyed_id
from shared.keys.port import Keyring, TenantPurpose

_ACTOR: Final = re.compile(r"[0-9a-f]{40}", re.ASCII)


def actor_id(keyring: Keyring, tenant: str, person: str) -> str:
    """Return the opaque id under which a person's decisions stand in the books."""
    return keyed_id(keyring.tenant_key(tenant, TenantPurpose.IDS), "actor", person)


def require_actor(actor: str) -> None:
    """Refuse a name where an opaque id belongs.

    Raises:
        UserError: it is none.
    """
    if not _ACTOR.fullmatch(actor):
        raise UserError("the actor must be an opaque id (see desk.actor_id), never a name")


class Desk:
    """Decisions by hand. Every method raises ``UserError`` for a person's mistake.

    Args:
        journal: the books.
        keyring: ids and commitments.
        summaries: what the document says.
        chart: accounts, rules and limits.
        clock: when proposals are made and expire.
    """

    def __init__(
        self,
        *,
        journal: Decisions,
        keyring: Keyring,
        summaries: Summaries,
        chart: Chart,
        clock: Clock,
    ) -> None:
        self._journal = journal
        self._limits = chart.two_persons
        self._drafter = Drafter(journal=journal, keyring=keyring, summaries=summaries, chart=chart)
        self._clock = clock

    def held(self, tenant: str) -> list[Booked]:
        """Return what waits for a person, oldest first."""
        return self._journal.open_holds(tenant)

    def post(
        self,
        tenant: str,
        document_id: str,
        *,
        actor: str,
        corrections: Corrections = NO_CORRECTIONS,
    ) -> Entry:
        """Post a held document (or one whose post was reversed), with corrections.

        Corrections override doubts, never arithmetic: net and tax must make the total. What is
        dated in a closed period counts on the first open day.

        Raises:
            SecondPersonError: the total, as corrected, is above the limit.
            UserError: it is not held, is erased, or still cannot be posted.
        """
        return self.decide(tenant, Ask(Action.POST, document_id, corrections), actor=actor)

    def void(self, tenant: str, document_id: str, *, actor: str) -> Entry:
        """End a hold without posting.

        Raises:
            UserError: the document is not held.
        """
        require_actor(actor)
        history, before = self._drafter.standing(tenant, document_id, (Standing.HELD,), "voided")
        key = self._drafter.ids_key(tenant)
        entry = voiding(before, tenant_key=key, history=history, actor=actor)
        return self._append(Booking((entry,), self._drafter.trail(before), forget=True))

    def reverse(self, tenant: str, document_id: str, *, actor: str) -> Entry:
        """Take a post back, once, and its conversions. The mistake stays to be read.

        Raises:
            SecondPersonError: the total is above the limit.
            UserError: the document is not posted.
        """
        return self.decide(tenant, Ask(Action.REVERSE, document_id), actor=actor)

    def convert(self, tenant: str, document_id: str, *, actor: str, rate: Rate) -> Entry:
        """Convert a post into the books' currency; one that is converted already is revalued.

        Raises:
            SecondPersonError: the total is above the limit.
            UserError: the document is not posted in the rate's currency.
        """
        return self.decide(tenant, Ask(Action.FX, document_id, rate=rate), actor=actor)

    def decide(self, tenant: str, ask: Ask, *, actor: str) -> Entry:
        """Do what one person asks.

        Raises:
            SecondPersonError: it posts more than the limit; propose it.
            UserError: it cannot be done.
        """
        require_actor(actor)
        booking, _ = self._drafter.draft(tenant, ask, actor)
        above = above_limit(booking.entries, self._limits.above)
        if above is not None:
            raise SecondPersonError(
                f"{above} is more than one person may decide: propose it, a second one approves"
            )
        return self._append(booking)

    def propose(self, tenant: str, ask: Ask, *, actor: str) -> Proposal:
        """Keep what one bookkeeper wants, for a second one to approve.

        Raises:
            UserError: it cannot be done, or is proposed already.
        """
        require_actor(actor)
        booking, before = self._drafter.draft(tenant, ask, actor)
        now = self._clock.now()
        waiting = [one for one in self.proposals(tenant) if one.is_open(now)]
        if any(one.ask.document_id == ask.document_id for one in waiting):
            raise UserError("something is proposed for that document already: decide that first")
        key = self._drafter.ids_key(tenant)
        proposal = Proposal(
            proposal_id=keyed_id(key, "proposal", before.entry_id, actor, now.isoformat()),
            tenant=tenant,
            ask=ask,
            base=before.entry_id,
            drafted=drafted(booking.entries),
            proposer=actor,
            proposed_at=now,
            expires_at=now + dt.timedelta(days=self._limits.open_days),
        )
        try:
            self._journal.propose(proposal)
        except ConflictError:
            raise UserError("that is proposed already") from None
        return proposal

    def proposals(self, tenant: str) -> list[Proposal]:
        """Return every proposal, oldest first."""
        return self._journal.proposals(tenant)

    def approve(self, tenant: str, proposal_id: str, *, actor: str) -> Entry:
        """Carry out what somebody else proposed, exactly that.

        Raises:
            UserError: it has ended or expired, its proposer cannot approve it, or the document
                changed since.
        """
        proposal = self._open_proposal(tenant, proposal_id, actor)
        if proposal.proposer == actor:
            raise UserError("who proposed it cannot approve it: that takes a second person")
        booking, before = self._drafter.draft(
            tenant, proposal.ask, proposal.proposer, approver=actor
        )
        if before.entry_id != proposal.base or drafted(booking.entries) != proposal.drafted:
            raise UserError("the document changed since it was proposed: reject it, propose again")
        approval = Approval(proposal_id, self._clock.now())
        return self._append(replace(booking, approval=approval))

    def reject(self, tenant: str, proposal_id: str, *, actor: str) -> Proposal:
        """End a proposal without an entry; its proposer withdraws it.

        Raises:
            UserError: it has ended or expired.
        """
        proposal = self._open_proposal(tenant, proposal_id, actor)
        how = How.WITHDRAWN if proposal.proposer == actor else How.REJECTED
        ended = Ended(how, actor, self._clock.now())
        try:
            self._journal.end_proposal(proposal_id, ended)
        except AlreadySettledError:
            raise UserError("somebody else decided it first: look again") from None
        return replace(proposal, ended=ended)

    def _open_proposal(self, tenant: str, proposal_id: str, actor: str) -> Proposal:
        require_actor(actor)
        for one in self.proposals(tenant):
            if one.proposal_id == proposal_id:
                status = one.status(self._clock.now())
                if status != "open":
                    raise UserError(f"the proposal is {status}")
                return one
        raise UserError("there is no such proposal; see 'docledger proposals list'")

    def _append(self, booking: Booking) -> Entry:
        try:
            return self._journal.append(booking).entry
        except (AlreadySettledError, ConflictError, PeriodClosedError):
            raise UserError("somebody else decided it first: look again") from None
