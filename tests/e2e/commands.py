"""The ``docledger`` command as a person runs it: a process with children, output and an exit."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

import psutil

from tests.waiting import PATIENCE_S, wait_until

ROOT: Final = Path(__file__).resolve().parents[2]

RUN_S: Final = PATIENCE_S * 3
"""How long a whole run may take: a process starts others, and each of them loads much."""


def command(data_dir: Path, *arguments: str | Path) -> list[str]:
    """Return the command line of ``docledger`` on one data folder."""
    module = [sys.executable, "-c", "from deploy.cli.main import main; main()"]
    return [*module, "--data-dir", str(data_dir), *(str(one) for one in arguments)]


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a person at a terminal of 200 columns."""
    return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"} | more


def _unmeasured(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without coverage, whose own files a limit would hit as well."""
    named = environment(**more).items()
    return {name: value for name, value in named if not name.startswith("COVERAGE")}


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended.

    Attributes:
        code: its exit code; negative when a signal ended it.
        stdout: all of it.
        stderr: all of it.
    """

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON Lines on stdout."""
        return [json.loads(line) for line in self.stdout.splitlines()]


def docledger(
    data_dir: Path,
    *arguments: str | Path,
    within_s: float = RUN_S,
    before: Callable[[], None] | None = None,
    more: Mapping[str, str] = {},
) -> Ended:
    """Run a command to its end.

    Args:
        data_dir: the data folder.
        arguments: after ``--data-dir``.
        within_s: how long it may take; its whole process tree is killed then.
        before: called in the child before it becomes the command (limits).
        more: of its environment.

    Raises:
        TimeoutError: it did not end in time.
    """
    with Started(data_dir, *arguments, before=before, more=more) as started:
        return started.wait(within_s)


class Started:
    """A command that runs; whatever is left of its process tree is killed on leaving.

    Args:
        data_dir: the data folder.
        arguments: after ``--data-dir``.
        before: called in the child before it becomes the command.
        more: of its environment.
    """

    def __init__(
        self,
        data_dir: Path,
        *arguments: str | Path,
        before: Callable[[], None] | None = None,
        more: Mapping[str, str] = {},
    ) -> None:
        # files, not pipes: a pipe that nobody reads stops its writer when it is full
        self._stdout = tempfile.TemporaryFile()  # noqa: SIM115 - closed on leaving
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - likewise
        self._process = subprocess.Popen(
            command(data_dir, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=self._stdout,
            stderr=self._stderr,
            cwd=ROOT,
            env=_unmeasured(more) if before else environment(**more),
            preexec_fn=before,  # noqa: PLW1509 - what is called there only sets limits
        )
        self._known: dict[int, psutil.Process] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill_tree()
        self._stdout.close()
        self._stderr.close()

    @property
    def pid(self) -> int:
        """Of the command itself."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether the command itself has ended."""
        return self._process.poll() is not None

    def wait(self, within_s: float = RUN_S) -> Ended:
        """Return what it said, when it has ended.

        Raises:
            TimeoutError: it did not end in time.
        """
        try:
            code = self._process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"the command did not end within {within_s:.0f} s") from None
        return Ended(code, _all_of(self._stdout), _all_of(self._stderr))

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the command itself."""
        self._process.send_signal(number)

    def tree(self) -> list[psutil.Process]:
        """Return every process that descends from the command, seen now or before, and lives."""
        for parent in (self.pid, *self._known):
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(parent).children(recursive=True):
                    self._known.setdefault(child.pid, child)
        return [one for one in self._known.values() if alive(one)]

    def children(self, role: str) -> list[psutil.Process]:
        """Return the processes of one role, ``work`` or ``keep``, that live."""
        return [one for one in self.tree() if ["--role", role] == _role(one)]

    def kill_tree(self) -> None:
        """Kill -9 the command and all that descends from it.

        It is stopped first: nobody starts a new child while the others are being killed.
        """
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGSTOP)
        with contextlib.suppress(psutil.NoSuchProcess):
            _kill(self.tree())
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        wait_until(lambda: not _kill(self.tree()), what="every process has ended")


def _all_of(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


def alive(process: psutil.Process) -> bool:
    """Tell whether a process still runs (a zombie does not)."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _kill(processes: Sequence[psutil.Process]) -> int:
    for one in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            one.kill()
    return len(processes)


def _role(process: psutil.Process) -> list[str]:
    try:
        line = process.cmdline()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return []
    if "--role" not in line:
        return []
    place = line.index("--role")
    return line[place : place + 2]
