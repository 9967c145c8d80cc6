"""What every decision by hand shares: who decides, and what is said about what became of it."""

import getpass
from collections.abc import Callable
from pathlib import Path

from deploy.cli.opened import open_desk
from deploy.cli.screen import SHORT_ID, safe, to_stdout
from deploy.local.house import House
from deploy.local.keeper import keep_now
from deploy.local.lookup import find_document
from services.ledger.desk import actor_id
from services.ledger.entries import Entry
from services.ledger.money import as_decimal
from services.ledger.proposals import Ask, Proposal, SecondPersonError, turnover
from shared.errors import UserError


def actor_of(house: House, by: str | None) -> str:
    """Return the opaque id of a person: the one named, or who is logged in.

    Raises:
        UserError: the name is empty.
    """
    name = getpass.getuser() if by is None else by.strip()
    if not name:
        raise UserError("name the person with --by")
    return actor_id(house.keyring, house.tenant, name)


def decide(data_dir: Path, typed: str, by: str | None, asking: Callable[[str], Ask]) -> int:
    """Do what a person asks; above the limit it is proposed to a second one."""
    house = open_desk(data_dir)
    document = find_document(house, typed)
    actor, desk = actor_of(house, by), house.ledger.desk
    ask = asking(document.document_id)
    try:
        entry = desk.decide(document.tenant, ask, actor=actor)
    except SecondPersonError:
        return _proposed(desk.propose(document.tenant, ask, actor=actor))
    return sealed(house, entry)


def sealed(house: House, entry: Entry) -> int:
    """Seal an entry now, where no keeper runs, and say where it is."""
    keep_now(house)
    console = to_stdout()
    for booked in house.ledger.journal.history(entry.tenant, entry.document_id):
        if booked.entry.entry_id == entry.entry_id and booked.index is not None:
            line = f"{entry.kind.value}: entry {booked.index} ({entry.entry_id})"
            console.print(safe(line, style="green"))
            return 0
    console.print(safe(f"{entry.kind.value}: in the books, sealed by the next checkpoint"))
    return 0


def amounts_of(proposal: Proposal) -> str:
    """Return the debits that a proposal would post, by currency."""
    sums = turnover(proposal.postings)
    return ", ".join(f"{as_decimal(sums[code], code)} {code}" for code in sorted(sums))


def _proposed(proposal: Proposal) -> int:
    short = proposal.proposal_id[:SHORT_ID]
    line = (
        f"proposed, not booked: {amounts_of(proposal)} takes a second person: "
        f"'docledger proposals approve {short} --by NAME' until {proposal.expires_at.date()}"
    )
    to_stdout().print(safe(line, style="yellow"))
    return 0
