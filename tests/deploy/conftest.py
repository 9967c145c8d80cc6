"""One small data folder, made once by the command itself, and the command in this process."""

import io
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from deploy.cli.main import main
from deploy.local.house import House
from deploy.local.site import Site
from examples.fixed import fast_examples
from examples.generate import save_examples
from tests.waiting import PATIENCE_S

ROOT: Final = Path(__file__).resolve().parents[2]

CHOSEN: Final = (
    "contract.pdf",
    "corrupt.pdf",
    "credit-note-gb.pdf",
    "empty.pdf",
    "facturx-invoice.pdf",
    "invoice-jp-letter.pdf",
    "invoice-once.pdf",
    "invoice-twice.pdf",
    "invoice-wrong-total.pdf",
    "mail-with-attachments.eml",
    "same-bytes-again.pdf",
    "invoice-gb-two-columns.pdf",
)
"""One of each way through the house, none of which needs OCR."""

HOSTILE_NAME: Final = "[red]x\x1b[31m\nwith # mark.txt"
"""A foreign name: Rich markup, an escape sequence, a new line, an attachment's mark."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said.

    Attributes:
        code: its exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The JSON Lines of standard output."""
        return [json.loads(line) for line in self.out.splitlines()]


class Terminal(io.TextIOWrapper):
    """Standard output, perhaps of a terminal."""

    def __init__(self, *, terminal: bool, encoding: str) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="", write_through=True)
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def said(self) -> str:
        self.flush()
        buffer = self.buffer
        assert isinstance(buffer, io.BytesIO)
        return buffer.getvalue().decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Docledger:
    """The command on one data folder, in this process.

    Attributes:
        data: the data folder.
        files: the folder that was run.
    """

    data: Path
    files: Path

    def __call__(
        self, *words: str | Path, width: int | None = None, encoding: str = "utf-8"
    ) -> Said:
        """Run it; ``width`` columns make standard output a terminal."""
        out = Terminal(terminal=width is not None, encoding=encoding)
        err = Terminal(terminal=False, encoding=encoding)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["docledger", *map(str, words)])
            patch.setenv("DOCLEDGER_DATA_DIR", str(self.data))
            patch.setenv("TERM", "xterm")
            patch.delenv("NO_COLOR", raising=False)
            if width is not None:
                patch.setenv("COLUMNS", str(width))
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
        code = ended.value.code
        assert isinstance(code, int)
        return Said(code, out.said(), err.said())

    def file(self, name: str) -> Path:
        """Return one of the files that were run."""
        return self.files / name

    @property
    def house(self) -> House:
        """Its ports, to look behind the command."""
        return House(Site(self.data))


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that a person did, in a process of its own.

    Attributes:
        docledger: the command on its data folder.
        rows: what it printed.
        err: what it said besides.
    """

    docledger: Docledger
    rows: list[dict[str, Any]]
    err: str

    def row(self, name: str) -> dict[str, Any]:
        """Return the line about one file."""
        (found,) = (row for row in self.rows if row["source"].endswith(f"/{name}"))
        return found


def plain(shown: str) -> str:
    """Return what a terminal shows, without its colours; the command's own, it has no others."""
    return re.sub(r"\x1b\[[0-9;]*m", "", shown)


def in_a_process(data: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the command as a person does, without a terminal."""
    return subprocess.run(
        [sys.executable, "-c", "from deploy.cli.main import main; main()", *map(str, words)],
        env={**os.environ, "DOCLEDGER_DATA_DIR": str(data), "PYTHONPATH": str(ROOT)},
        cwd=data.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S * 3,
        check=False,
    )


@pytest.fixture(scope="session")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The chosen examples, run once; tests only look at it."""
    folder = tmp_path_factory.mktemp("ran")
    files = folder / "files"
    save_examples(files, [one for one in fast_examples() if one.name in CHOSEN])
    (files / HOSTILE_NAME).write_text("Dear all,\nthe [bold]meeting[/bold] is at noon.\n")
    ended = in_a_process(folder / "data", "run", files, "--format", "json")
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    return Ran(Docledger(folder / "data", files), rows, ended.stderr)


@pytest.fixture
def docledger(ran: Ran) -> Docledger:
    """The command on the folder that was run, for those that only look."""
    return ran.docledger


@pytest.fixture
def changing(ran: Ran, tmp_path: Path) -> Docledger:
    """The command on a copy of it, for those that change something."""
    shutil.copytree(ran.docledger.data, tmp_path / "data")
    return Docledger(tmp_path / "data", ran.docledger.files)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """An empty house."""
    site = Site(tmp_path / "house")
    site.create()
    house = House(site)
    yield house
    house.close()
