"""``docledger audit``: is everything accounted for?"""

import dataclasses
import json
from pathlib import Path

from deploy.cli.opened import not_in_a_job, open_house
from deploy.cli.screen import table, to_stderr, to_stdout
from deploy.local.audit import Finding, audit
from deploy.local.drain import work_off
from deploy.local.repair import bring_back


def run_audit(data_dir: Path, *, sweep: bool, as_json: bool, workers: int) -> int:
    """Check everything; with ``sweep`` bring back what can be brought back, and check again.

    Returns:
        The exit code: 0 when all is accounted for, else 1.
    """
    if sweep:
        not_in_a_job()
    house = open_house(data_dir)
    found = audit(house)
    if found and sweep:
        bring_back(house, found)
        if house.platform is not None:
            to_stderr().print("sent on what could be; look again when its deployables are done:")
        else:
            work_off(house, workers=workers)
            to_stderr().print(f"swept after {len(found)} findings; checking again")
            found = audit(open_house(data_dir))
    _show(found, as_json=as_json)
    return 1 if found else 0


def _show(found: list[Finding], *, as_json: bool) -> None:
    if as_json:
        for finding in found:
            row = dataclasses.asdict(dataclasses.replace(finding, book=None))
            del row["book"]
            print(json.dumps(row))  # noqa: T201 - this is the output
        return
    console = to_stdout()
    if not found:
        console.print("audit: everything is accounted for", style="green")
        return
    rows = [(one.document_id or "", one.code, one.detail) for one in found]
    console.print(table("Not accounted for", ("document", "problem", "where"), rows))
    console.print()
    console.print(
        f"{len(found)} findings; 'docledger audit --sweep' brings back what can be brought back"
    )
