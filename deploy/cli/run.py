"""``docledger run``: documents in, outcomes out."""

import os
import shutil
import tempfile
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from deploy.cli.opened import only_in_a_folder
from deploy.cli.screen import SHORT_ID, safe, status_text, table, to_stderr, to_stdout
from deploy.cli.settings import check_settings
from deploy.local.drain import finish_due
from deploy.local.entrance import Refused, Submitted, entrance_of
from deploy.local.files import expand
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.line import ResultLine
from deploy.local.lookup import ATTACHMENT_MARK
from deploy.local.outcomes import Outcomes
from deploy.local.site import Site, running
from deploy.local.supervisor import Supervisor, supervisor_of
from shared.errors import TransientError

LOOK_S: Final = 0.1
SHOW_S: Final = 0.3
STALLED_S: Final = 10.0
MANY: Final = 2
DISK_FULL_BYTES: Final = 2_000_000


def run(data_dir: Path, paths: list[Path], *, workers: int, as_json: bool) -> int:
    """Submit every file, work until each has an outcome, print them in the order of the files.

    Returns:
        The exit code: 0, every file is accounted for.

    Raises:
        UserError: a path is wrong, or docledger runs on the folder already.
    """
    only_in_a_folder("run")
    check_settings()
    files = list(expand(paths, leave_out=data_dir))
    site = Site(data_dir)
    site.create()
    if not files:
        to_stderr().print("no files in there; nothing to do")
        return 0
    house = House(site)
    lines: list[ResultLine] = []
    with running(site):
        house.bus.release_leases()
        supervisor = supervisor_of(house, workers=workers)
        supervisor.start()
        try:
            for line in _work(house, supervisor, files):
                lines.append(line)
                if as_json:
                    print(line.as_json(), flush=True)  # noqa: T201 - this is the output
            finish_due(house, supervisor)  # the same bytes again replay what lies in quarantine
        finally:
            supervisor.stop()
    if not as_json:
        _show(lines)
    return 0


def _work(house: House, supervisor: Supervisor, files: list[Path]) -> Iterator[ResultLine]:
    """Yield outcomes in the order of the files, an e-mail's attachments after it."""
    with _progress() as progress:
        task = progress.add_task("documents", total=len(files), rate="")
        watch = _Watch(house, supervisor, progress=lambda **how: progress.update(task, **how))
        watch.submit(files)
        yield from watch.outcomes()


@dataclass(frozen=True, slots=True)
class _Attached(Submitted):
    """An e-mail's attachment; ``source`` is the e-mail's."""


class _Watch:
    """Follows submissions to their end."""

    def __init__(
        self, house: House, supervisor: Supervisor, *, progress: Callable[..., None]
    ) -> None:
        self._house = house
        self._supervisor = supervisor
        self._progress = progress
        self._clock = house.clock
        self._outcomes = Outcomes(house, DEFAULT_TENANT)
        self._entrance = entrance_of(house, "cli")
        self._waiting: deque[Submitted | ResultLine] = deque()
        self._begun: dict[str, float] = {}
        self._started = self._clock.monotonic()
        self._shown = float("-inf")
        self._probed = float("-inf")
        self._done = 0

    def submit(self, files: Iterable[Path]) -> None:
        """Hand every file in; what cannot be read is refused at the door."""
        try:
            for one in self._entrance.submit_all(files):
                if isinstance(one, Refused):
                    self._waiting.append(
                        ResultLine(one.source, None, None, "refused", one.reason.value)
                    )
                else:
                    self._begun[one.job_id] = self._clock.monotonic()
                    self._waiting.append(one)
                self._supervisor.tend()
        except TransientError as error:
            raise self._disk_full() or error from None

    def outcomes(self) -> Iterator[ResultLine]:
        """Yield each outcome as soon as all before it are there."""
        moved = self._clock.monotonic()
        while self._waiting:
            head = self._waiting[0]
            if isinstance(head, ResultLine):
                line = head
            elif self._outcomes.settled(head.job_id):
                source = head.source
                if isinstance(head, _Attached):  # its name is known since it was taken in
                    source = f"{source}{ATTACHMENT_MARK}{self._outcomes.name(head.job_id)}"
                line = self._outcomes.line(head.job_id, source, self._since(head.job_id))
            else:
                self._wait(moved)
                continue
            self._waiting.popleft()
            if line.status == "expanded" and isinstance(head, Submitted):
                self._add_attachments(head)
            moved = self._clock.monotonic()
            self._done += 1
            self._show()
            yield line

    def _add_attachments(self, email: Submitted) -> None:
        for job_id in reversed(self._outcomes.attachment_jobs(email.job_id)):
            self._begun[job_id] = self._begun[email.job_id]
            self._waiting.appendleft(_Attached(email.source, job_id))

    def _wait(self, moved: float) -> None:
        self._supervisor.tend()
        self._show()
        self._clock.sleep(LOOK_S)
        if self._clock.monotonic() - max(moved, self._probed) > STALLED_S:
            self._probed = self._clock.monotonic()
            full = self._disk_full()
            if full is not None:
                raise full

    def _disk_full(self) -> TransientError | None:
        folder = self._house.site.folder
        if shutil.disk_usage(folder).free <= DISK_FULL_BYTES:
            return TransientError(
                f"the disk of {folder} is full: free some space, and nothing is lost"
            )
        try:  # a quota, a limit on files, a disk that turned read-only
            with tempfile.TemporaryFile(dir=folder) as probe:
                probe.write(bytes(DISK_FULL_BYTES))
                probe.flush()
                os.fsync(probe.fileno())
        except OSError as err:
            return TransientError(
                f"{folder} cannot be written ({err.strerror}): mend that, and nothing is lost"
            )
        return None

    def _since(self, job_id: str) -> float:
        return self._clock.monotonic() - self._begun[job_id]

    def _show(self) -> None:
        """Tell how far it is, now and then: counting takes what documents could take."""
        now = self._clock.monotonic()
        if now - self._shown < SHOW_S:
            return
        self._shown = now
        elapsed = now - self._started
        in_flight = self._house.register.counts(self._clock.now()).in_flight
        done = max(self._done, self._done + len(self._waiting) - in_flight - self._unknown())
        self._progress(
            total=self._done + len(self._waiting),
            completed=done,
            rate=f"{done / elapsed:.1f}/s" if elapsed > 1 else "",
        )

    def _unknown(self) -> int:
        jobs = [one.job_id for one in self._waiting if isinstance(one, Submitted)]
        return len(self._house.register.unknown_jobs(jobs))


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=to_stderr(),
        transient=True,
        disable=not to_stderr().is_terminal,
    )


def _show(lines: list[ResultLine]) -> None:
    console = to_stdout()
    folder = _common_folder([line.source for line in lines]) if console.is_terminal else ""
    if folder:
        console.print(safe(f"in {folder}"))
    rows = [
        (
            line.source.removeprefix(folder),
            (line.document_id or "")[:SHORT_ID],
            status_text(line.status),
            line.reason or "",
            line.document_type or "",
            _amount(line),
            "" if line.entry is None else line.entry.index,
        )
        for line in lines
    ]
    columns = ("source", "!document", "!status", "!reason", "?!type", "!>total", "?!>entry")
    console.print(table("", columns, rows))
    counted = Counter(line.status for line in lines)
    told = ", ".join(f"{count} {status}" for status, count in sorted(counted.items()))
    console.print()
    console.print(safe(f"{_files(len(lines))}: {told}"))


def _files(count: int) -> str:
    return "1 document" if count == 1 else f"{count} documents"


def _common_folder(sources: Sequence[str]) -> str:
    """Return the folder that all sources lie in, with its slash: shown once, above the table."""
    folders = [os.path.dirname(source) for source in sources]  # noqa: PTH120 - text stays text
    if len(folders) < MANY or not all(folders):
        return ""
    try:
        return os.path.join(os.path.commonpath(folders), "")  # noqa: PTH118 - the slash is wanted
    except ValueError:  # some are absolute, some not
        return ""


def _amount(line: ResultLine) -> str:
    total, currency = line.fields.get("total_amount"), line.fields.get("currency")
    parts = (total["value"] if total else "", currency["value"] if currency else "")
    return " ".join(part for part in parts if part)
