"""What tests of the desk share."""

import datetime as dt
from dataclasses import replace

from services.ledger.proposals import Action, Ask, Proposal
from shared.events.ids import keyed_id
from tests.services.ledger.conftest import TENANT, document

NOW = dt.datetime(2026, 2, 3, 12, tzinfo=dt.UTC)


def person(name: str) -> str:
    """Return the opaque id of a person that a test calls ``name``."""
    return keyed_id(b"test", "actor", name)


def a_proposal(name: str = "a", **changed: object) -> Proposal:
    """Return what somebody proposed about a document, changed."""
    made = Proposal(
        proposal_id=keyed_id(b"test", "proposal", name),
        tenant=TENANT,
        ask=Ask(Action.POST, document(name)),
        base=keyed_id(b"test", "base", name),
        drafted='[["5000", "EUR", 1200000], ["2000", "EUR", -1200000]]',
        proposer=person("alice"),
        proposed_at=NOW,
        expires_at=NOW + dt.timedelta(days=14),
    )
    return replace(made, **changed)  # type: ignore[arg-type] # a test's own fields
