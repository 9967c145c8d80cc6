"""``docledger status``: what is where, and how fast it goes."""

import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from deploy.cli.opened import house_of
from deploy.cli.options import tenant
from deploy.cli.screen import block, safe, table, to_stdout
from deploy.local.house import DEFAULT_TENANT
from deploy.local.pace import WINDOW, Pace, Progress, Trend
from deploy.local.standing import Standing, standing_of
from services.ingest.budget import BudgetUse
from shared.errors import UserError

EVERY_S: Final = 2.0
"""Between two looks of ``--watch``."""

NARROW: Final = 64
"""With fewer columns, the rates give way to what they say: the time to drain."""

BAR: Final = 30

_STATES: Final = {"ready": "green", "not ready": "yellow", "down": "red"}
_TRENDS: Final = {
    Trend.EMPTY: "-",
    Trend.STEADY: "steady",
    Trend.GROWING: "growing",
    Trend.STILL: "nothing moves",
}
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def status(data_dir: Path, *, as_json: bool, watch: bool = False) -> int:
    """Show how a data folder stands, once or until interrupted.

    Raises:
        UserError: there is no such folder; or ``watch`` has no terminal to repaint.
    """
    house = house_of(data_dir)  # what it stands on may be down: then that is what there is to say
    console = to_stdout()
    look = partial(standing_of, house, tenant())
    if as_json:
        _tell(look())
    elif not watch:
        console.print(shown(look(), console))
    elif not console.is_terminal:
        raise UserError("--watch repaints a terminal; for a program, add --format json")
    if not watch:
        return 0
    try:
        if as_json:
            while True:
                house.clock.sleep(EVERY_S)
                _tell(look())
        with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
            while True:
                live.update(shown(look(), console), refresh=True)
                house.clock.sleep(EVERY_S)
    except KeyboardInterrupt:
        return 0


def shown(standing: Standing, console: Console) -> RenderableType:
    """Return what a person sees."""
    return Group(*_parts(standing, console))


def _parts(standing: Standing, console: Console) -> Iterator[RenderableType]:
    counts = standing.counts
    yield Text(
        f"submissions {counts.submissions} = documents {counts.made} + duplicates "
        f"{counts.duplicates} + refused {counts.refused}"
    )
    yield Text(
        f"documents {counts.documents} = posted {counts.posted} + held {counts.held} + voided "
        f"{counts.voided} + quarantined {counts.quarantined} + expanded {counts.expanded} + "
        f"in flight {counts.in_flight}"
    )
    yield Text(f"late {counts.late}, erased {counts.erased}")
    if standing.budget:
        yield _budget(standing.budget)
    yield _progress(standing.progress, standing.untaken, bar=console.is_terminal)
    minutes = WINDOW.total_seconds() / 60
    yield Text()
    yield safe(f"Stages: documents; rates a minute, over the last {minutes:.0f} minutes")
    yield _stages(standing.stages, narrow=console.width < NARROW)
    yield Text()
    if standing.backlog is None:
        yield Text(
            "Backlog: the Pub/Sub emulator does not tell; the register's figures above stand"
        )
    elif standing.backlog:
        columns = ("waiting in", "!>messages", "!>oldest s", "!>in work")
        yield table(
            "Backlog",
            columns,
            [
                (one.subscription, one.messages, f"{one.oldest_age_s:.1f}", one.leased)
                for one in standing.backlog
            ],
        )
    else:
        yield Text("Backlog: nothing waits on the bus")
    if standing.deployables:
        yield Text()
        yield table(
            "Deployables",
            ("!name", "address", "!state"),
            [
                (one.name, one.url, safe(one.state, style=_STATES.get(one.state, "")))
                for one in standing.deployables
            ],
        )


def _budget(budget: list[BudgetUse]) -> Text:
    """Say how much of each limit is used; what is over, or leaves nothing, stands out."""
    said = ", ".join(f"{one.pages} of {one.limit} pages this {one.period}" for one in budget)
    used_up = any(one.pages >= one.limit for one in budget)
    return Text(f"budget {tenant() or DEFAULT_TENANT}: {said}", style="red" if used_up else "")


def _stages(stages: list[Pace], *, narrow: bool) -> RenderableType:
    rates = () if narrow else ("!>arrival", "!>drain")
    columns = ("!stage", "!>waiting", "!>oldest s", *rates, "!>time to drain", "!>late")
    return table("", columns, [_row(one, narrow=narrow) for one in stages])


def _row(pace: Pace, *, narrow: bool) -> tuple[object, ...]:
    flow = pace.flow
    rates = () if narrow else (f"{pace.arrival:.1f}", f"{pace.drain:.1f}")
    left = pace.time_to_drain_s
    drain = _TRENDS[pace.trend] if left is None else duration(left)
    late = safe(flow.late, style="red" if flow.late else "")
    return (flow.stage, flow.waiting, f"{flow.oldest_s:.1f}", *rates, drain, late)


def _progress(progress: Progress, untaken: int | None, *, bar: bool) -> Text:
    if progress.submissions:
        said = f"done {progress.done} of {progress.submissions} submissions, {progress.percent} %"
    else:
        said = "nothing was taken in yet"
    if untaken:
        said += f"; {untaken} more at the door"
    if not bar:
        return Text(said)
    full = BAR * progress.percent // 100 if progress.submissions else 0
    return Text.assemble((block() * full, "green"), ("." * (BAR - full), "dim"), " ", said)


def duration(seconds: float) -> str:
    """Return a time in the largest unit that there is at least one of: ``1.5 h``."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _tell(standing: Standing) -> None:
    print(json.dumps(standing.as_json()))  # noqa: T201 - this is the output
    sys.stdout.flush()
