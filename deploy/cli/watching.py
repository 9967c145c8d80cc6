"""``docledger verify --state``: a look at a log that remembers the last one, and ``--watch``."""

import json
from pathlib import Path
from typing import Final

from deploy.cli.log_source import LogSource, checkpoint_of
from deploy.cli.screen import safe, to_stderr, to_stdout
from shared.clock import Clock
from shared.errors import UserError
from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import TlogError
from shared.tlog.memory import Memory
from shared.tlog.watch import PATIENCE, Look, Sight, Watch

THOROUGH_S: Final = 24 * 3600.0
"""While watching, everything is verified again so often: old entries may be tampered with, too."""

EXIT_CODES: Final = {
    Sight.UNAVAILABLE: 4,
    Sight.FORKED: 3,
    Sight.SPLIT: 3,
    Sight.ROLLED_BACK: 3,
    Sight.DAMAGED: 1,
}

_WORDS: Final = {
    Sight.FIRST: "verified, and remembered from now on",
    Sight.GROWN: "verified, grown from what was remembered",
    Sight.SAME: "verified, the same as remembered",
    Sight.STALE: "shows less than was seen; perhaps an old copy, looking again",
    Sight.UNAVAILABLE: "cannot be read now, which says nothing about it",
    Sight.FORKED: "FORKED: its key signed two histories",
    Sight.SPLIT: "SPLIT VIEW: others were shown another history",
    Sight.ROLLED_BACK: "ROLLED BACK: shows less than was seen",
    Sight.DAMAGED: "NOT VERIFIED",
}


def watch_log(  # noqa: PLR0913 - one option each
    source: LogSource,
    state: Path,
    *,
    clock: Clock,
    against: str | None = None,
    every: float | None = None,
    as_json: bool = False,
) -> int:
    """Look once, or every so many seconds until something is wrong; return the exit code.

    Raises:
        UserError: the state file is not of this log.
    """
    memory = Memory(state)
    with checkpoint_of(against, clock) as others:
        watch = Watch(
            source.reader,
            lambda: source.keys(memory),
            memory,
            others=others,
            patience=1 if every is None else PATIENCE,
        )
        return _look_on(watch, source, state, clock, every=every, as_json=as_json)


def _look_on(  # noqa: PLR0913 - one option each
    watch: Watch,
    source: LogSource,
    state: Path,
    clock: Clock,
    *,
    every: float | None,
    as_json: bool,
) -> int:
    told: Sight | None = None
    thorough_at = clock.monotonic() + THOROUGH_S
    while True:
        thorough = clock.monotonic() >= thorough_at
        try:
            look = watch.look(thorough=thorough)
        except TlogError as err:
            raise UserError(f"{state} is no state of this log: {err}") from err
        if as_json or look.sight is not Sight.SAME or look.problem or told is not look.sight:
            _tell(source, look, clock, as_json=as_json)
        told = look.sight
        if every is None or look.sight.is_alarm:
            return EXIT_CODES.get(look.sight, 0)
        if thorough and look.sight is not Sight.UNAVAILABLE:
            thorough_at = clock.monotonic() + THOROUGH_S
        clock.sleep(every)


def _tell(source: LogSource, look: Look, clock: Clock, *, as_json: bool) -> None:
    at = clock.now().isoformat(timespec="seconds")
    if as_json:
        fields = {
            "ts": at,
            "log": source.shown,
            "sight": look.sight.value,
            "alarm": look.sight.is_alarm,
            "shown": _fields(look.checkpoint),
            "seen": _fields(look.seen),
            "problem": look.problem,
            "evidence": [str(path) for path in look.evidence],
        }
        print(json.dumps(fields), flush=True)  # noqa: T201 - this is the output
        return
    size = "" if look.checkpoint is None else f" at {look.checkpoint.size} entries"
    problem = f": {look.problem}" if look.problem else ""
    kept = f"; kept: {', '.join(str(path) for path in look.evidence)}" if look.evidence else ""
    line = f"{at} {source.shown}: {_WORDS[look.sight]}{size}{problem}{kept}"
    wrong = look.sight.is_alarm or look.sight in {Sight.STALE, Sight.UNAVAILABLE}
    style = "bold red" if look.sight.is_alarm else "yellow" if wrong else "green"
    (to_stderr() if wrong else to_stdout()).print(safe(line, style=style))


def _fields(checkpoint: Checkpoint | None) -> dict[str, object] | None:
    return None if checkpoint is None else {"size": checkpoint.size, "root": checkpoint.root.hex()}
