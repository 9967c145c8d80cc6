"""The drill of exchanging a log's key: once to its end, once taken back; then the KEK.

``python -m tests.drills.key_rotation docs/drills`` does it on key files and on a local server that
speaks the KMS API, and writes what was typed and what was said. A step that does not do what it
should ends the drill.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from deploy.local.house import DEFAULT_TENANT
from examples.fixed import fast_examples
from examples.generate import save_examples
from tests.deploy.conftest import CHOSEN, Docledger, in_a_process
from tests.emulators.kms import KEK, RING, KmsServer

GROWTH: Final = (
    "contract.pdf",
    "invoice-once.pdf",
    "credit-note-gb.pdf",
    "facturx-invoice.pdf",
    "invoice-jp-letter.pdf",
    "invoice-gb-two-columns.pdf",
)
"""Documents whose erasure makes the log grow, one a step: their proofs must outlive it."""


class Drill:
    """One drill and its transcript.

    Args:
        docledger: the command on a data folder in which the chosen examples were run.
    """

    def __init__(self, docledger: Docledger) -> None:
        self._docledger = docledger
        self._growth = iter(GROWTH)
        self._lines: list[str] = []

    def run(self) -> str:
        """Do every step; return the transcript, in Markdown.

        Raises:
            AssertionError: a step did not do what it should.
        """
        self._first_run()
        self._second_run()
        self._stolen()
        self._kek()
        return "\n".join(self._lines)

    def _first_run(self) -> None:
        self._title("First run: to its end")
        old = self._open()[0]
        self._says("keys", "show")
        self._says("keys", "rotate")
        new = self._open()[1]
        self._grow()
        self._remark("During the overlap either public key verifies, and so does the history.")
        for vkey in (old, new, None):
            self._verifies(vkey)
        self._says("keys", "close", _id(old))
        self._grow()
        self._remark("The older key alone verifies no more; who knows it has the history.")
        self._verifies(new)
        self._verifies(None)
        self._verifies(old, beside=False)

    def _second_run(self) -> None:
        self._title("Second run: taken back")
        before = self._open()
        self._says("keys", "rotate")
        self._grow()
        self._says("keys", "rollback")
        assert self._open() == before
        self._grow()
        self._verifies(before[0])
        self._verifies(None)

    def _stolen(self) -> None:
        self._title("A stolen key is closed at a size")
        stolen = self._open()[0]
        self._grow()
        self._says("keys", "rotate")
        self._says("keys", "close", _id(stolen), "--at", "13", "--compromised")
        self._grow()
        self._verifies(None)
        self._says("keys", "show")

    def _kek(self) -> None:
        self._title("The KEK: wrapped again, the old version destroyed")
        content = _sealed(self._docledger)
        self._says("keys", "rewrap", "--renew", "--destroy-old")
        assert _sealed(self._docledger) == content
        self._remark(f"The digests of all {len(content)} sealed objects are what they were.")
        self._says("keys", "show")
        self._says("audit")
        self._verifies(None)

    def _open(self) -> list[str]:
        said = self._docledger("keys", "show", "--format", "json")
        assert said.code == 0, said.err
        rows = [json.loads(line) for line in said.out.splitlines()]
        return [row["vkey"] for row in rows if "vkey" in row and row["to"] is None]

    def _grow(self) -> None:
        name = next(self._growth)
        self._remark(f"The log grows: a document ({name}) is erased.")
        said = self._docledger("erase", self._docledger.file(name), "--yes")
        assert said.code == 0, said.err

    def _verifies(self, vkey: str | None, *, beside: bool = True) -> None:
        """Verify with one key: alone, or (None) with the history, from the log's first key on."""
        log = self._docledger.data / "log" / DEFAULT_TENANT
        with _alone(log) if vkey is not None else _as_it_is(log) as shown:
            words = ["verify", str(shown), *(["--key", vkey] if vkey else [])]
            self._says(*words, code=0 if beside else 1)

    def _says(self, *words: str, code: int = 0) -> None:
        said = self._docledger(*words)
        log = self._docledger.data / "log" / DEFAULT_TENANT
        hidden = {str(log): "LOG", str(self._docledger.data): "DATA"}
        hidden |= {word: "LOG-WITHOUT-HISTORY" for word in words if _ALONE in word}
        typed = _hide(" ".join(words), hidden)
        told = _hide(f"{said.out}{said.err}".rstrip(), hidden)
        stamp = f"{datetime.now(UTC):%H:%M:%S}"
        self._lines += ["```console", f"{stamp} $ docledger {typed}", told]
        self._lines += [f"[exit code {said.code}]", "```"]
        assert said.code == code, f"docledger {typed}: {told}"

    def _title(self, text: str) -> None:
        self._lines += ["", f"### {text}", ""]

    def _remark(self, text: str) -> None:
        self._lines += [text]


@contextmanager
def _alone(log: Path) -> Iterator[Path]:
    """Give the log without its history, as somebody has it who knows one key and nothing else."""
    with tempfile.TemporaryDirectory(prefix=_ALONE) as folder:
        shutil.copytree(log, Path(folder) / log.name)
        yield Path(folder) / log.name


@contextmanager
def _as_it_is(log: Path) -> Iterator[Path]:
    yield log


def _id(vkey: str) -> str:
    return vkey.split("+")[1]


def _hide(text: str, what: Mapping[str, str]) -> str:
    for path, name in sorted(what.items(), key=lambda one: -len(one[0])):
        text = text.replace(path, name)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _sealed(docledger: Docledger) -> dict[str, bytes]:
    objects = docledger.data / "objects"
    return {
        str(path.relative_to(objects)): path.read_bytes()
        for path in sorted(objects.rglob("*"))
        if path.is_file()
    }


def drilled(folder: Path) -> str:
    """Run the examples into ``folder``, then the drill; return its transcript."""
    files = folder / "files"
    save_examples(files, [one for one in fast_examples() if one.name in CHOSEN])
    ended = in_a_process(folder / "data", "run", files)
    assert ended.returncode == 0, ended.stderr
    return Drill(Docledger(folder / "data", files)).run()


def main(evidence: Path) -> None:
    """Do the drill on files and on KMS; write the evidence."""
    today = datetime.now(UTC).date()
    whole = [f"# Key rotation drill, {today}", "", f"`{_COMMAND}` wrote this."]
    with tempfile.TemporaryDirectory() as folder:
        whole += ["", "## Keys in files", drilled(Path(folder))]
    server = KmsServer()
    server.create_kek()
    server.create_signer(DEFAULT_TENANT)
    os.environ |= {
        "DOCLEDGER_KMS_KEK": KEK,
        "DOCLEDGER_KMS_SIGNERS": RING,
        "DOCLEDGER_UNSAFE_KMS_EMULATOR": server.address,
    }
    with tempfile.TemporaryDirectory() as folder:
        whole += ["", "## Keys in Cloud KMS (a local server that speaks its API)"]
        whole += [drilled(Path(folder))]
    server.stop()
    assert server.wrong == []
    calls = sorted({(method, server.count(method)) for method, _ in server.calls})
    whole += ["", "Calls to KMS: " + ", ".join(f"{method} {count}" for method, count in calls)]
    evidence.mkdir(parents=True, exist_ok=True)
    (evidence / f"key-rotation-{today}.md").write_text("\n".join(whole) + "\n", encoding="utf-8")


_ALONE: Final = "docledger-log-alone-"
_COMMAND: Final = "python -m tests.drills.key_rotation docs/drills"

if __name__ == "__main__":
    main(Path(sys.argv[1]))
