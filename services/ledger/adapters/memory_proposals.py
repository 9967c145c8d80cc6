"""Proposals in memory, for tests and the simulation."""

import threading
from dataclasses import replace

from services.ledger.ports import AlreadySettledError, ConflictError
from services.ledger.proposals import Ended, Proposal


class MemoryProposals:
    """``ports.Proposals`` that die with the process; safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._proposals: dict[str, Proposal] = {}

    def propose(self, proposal: Proposal) -> None:
        """Keep a proposal."""
        with self._lock:
            if self._proposals.setdefault(proposal.proposal_id, proposal) is not proposal:
                raise ConflictError

    def end_proposal(self, proposal_id: str, ended: Ended) -> None:
        """Keep how it ended."""
        with self._lock:
            if self.proposal_ended(proposal_id):
                raise AlreadySettledError
            self._proposals[proposal_id] = replace(self._proposals[proposal_id], ended=ended)

    def proposals(self, tenant: str) -> list[Proposal]:
        """Return all of them, oldest first."""
        with self._lock:
            found = [one for one in self._proposals.values() if one.tenant == tenant]
        return sorted(found, key=lambda one: (one.proposed_at, one.proposal_id))

    def proposal_ended(self, proposal_id: str) -> bool:
        """Return whether a proposal was decided, or is none."""
        found = self._proposals.get(proposal_id)
        return found is None or found.ended is not None
