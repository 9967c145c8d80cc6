"""``docledger status``: what is where."""

import dataclasses
import json
from pathlib import Path

from deploy.cli.opened import open_house
from deploy.cli.screen import table, to_stdout
from deploy.local.house import DEFAULT_TENANT
from shared.bus.port import Backlog


def status(data_dir: Path, *, as_json: bool) -> int:
    """Show the two sums of the first promise, and what waits in each subscription."""
    house = open_house(data_dir)
    counts = house.register.counts(house.clock.now(), DEFAULT_TENANT)
    backlog = [row for row in house.bus.backlog() if row.messages]
    if as_json:
        row = {
            **dataclasses.asdict(counts),
            "backlog": [dataclasses.asdict(one) for one in backlog],
        }
        print(json.dumps(row))  # noqa: T201 - this is the output
        return 0
    console = to_stdout()
    console.print(
        f"submissions {counts.submissions} = documents {counts.made} + duplicates "
        f"{counts.duplicates} + refused {counts.refused}"
    )
    console.print(
        f"documents {counts.documents} = posted {counts.posted} + held {counts.held} + voided "
        f"{counts.voided} + quarantined {counts.quarantined} + expanded {counts.expanded} + "
        f"in flight {counts.in_flight}"
    )
    console.print(f"late {counts.late}, erased {counts.erased}")
    if backlog:
        columns = ("waiting in", "!>messages", "!>oldest s", "!>in work")
        console.print(table("\nBacklog", columns, [_row(one) for one in backlog]))
    else:
        console.print("nothing waits")
    return 0


def _row(one: Backlog) -> tuple[object, ...]:
    return one.subscription, one.messages, f"{one.oldest_age_s:.1f}", one.leased
