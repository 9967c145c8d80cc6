"""``docledger proposals``: what waits for a second person."""

import json
from pathlib import Path

from deploy.cli.deciding import actor_of, amounts_of, sealed
from deploy.cli.opened import open_desk
from deploy.cli.screen import SHORT_ID, safe, table, to_stdout
from deploy.local.house import House
from deploy.local.lookup import SHORTEST
from services.ledger.proposals import Proposal
from shared.errors import UserError


def show(data_dir: Path, *, everything: bool, as_json: bool) -> int:
    """List proposals, oldest first."""
    house = open_desk(data_dir)
    now = house.clock.now()
    found = [
        one for one in house.ledger.desk.proposals(house.tenant) if everything or one.is_open(now)
    ]
    if as_json:
        for one in found:
            row = {
                "proposal_id": one.proposal_id,
                **json.loads(one.ask.as_json()),
                "amounts": amounts_of(one),
                "proposer": one.proposer,
                "proposed_at": one.proposed_at.isoformat(),
                "expires_at": one.expires_at.isoformat(),
                "status": one.status(now),
                "entry_id": one.ended.entry_id if one.ended else None,
            }
            print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    columns = ("!proposal", "!document", "!does", "!>amounts", "!proposer", "!until", "!status")
    cells = [
        (
            one.proposal_id[:SHORT_ID],
            one.ask.document_id[:SHORT_ID],
            one.ask.action.value,
            amounts_of(one),
            one.proposer[:SHORT_ID],
            one.expires_at.date(),
            one.status(now),
        )
        for one in found
    ]
    console = to_stdout()
    console.print(table("Proposals", columns, cells))
    console.print()
    console.print("a second person decides: 'docledger proposals approve PROPOSAL --by NAME'")
    return 0


def approve(data_dir: Path, typed: str, by: str | None) -> int:
    """Book what was proposed."""
    house = open_desk(data_dir)
    found = _find(house, typed)
    actor = actor_of(house, by)
    entry = house.ledger.desk.approve(house.tenant, found.proposal_id, actor=actor)
    return sealed(house, entry)


def reject(data_dir: Path, typed: str, by: str | None) -> int:
    """End a proposal without an entry."""
    house = open_desk(data_dir)
    found = _find(house, typed)
    actor = actor_of(house, by)
    ended = house.ledger.desk.reject(house.tenant, found.proposal_id, actor=actor)
    to_stdout().print(safe(f"{ended.status(house.clock.now())}: nothing is booked"))
    return 0


def _find(house: House, typed: str) -> Proposal:
    wanted = typed.strip().lower()
    found = [
        one
        for one in house.ledger.desk.proposals(house.tenant)
        if one.proposal_id.startswith(wanted)
    ]
    if len(wanted) < SHORTEST or not found:
        raise UserError("there is no such proposal; see 'docledger proposals list'")
    if len(found) > 1:
        raise UserError("several proposals begin like that: give more of the id")
    return found[0]
