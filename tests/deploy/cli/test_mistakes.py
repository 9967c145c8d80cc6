"""A person's mistake is one line that says what to do, and exit code 2; an outage is 1."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from deploy.cli.command import friendly
from shared.errors import TransientError
from tests.deploy.conftest import ROOT, Docledger, plain


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("run",), "Missing argument 'paths'; see 'docledger run --help'"),
        (("frob",), "No such command 'frob'; see 'docledger --help'"),
        (("held", "frob"), "see 'docledger held --help'"),
        (("run", "x", "--workers", "many"), "see 'docledger run --help'"),
        (("run", "x", "--workers", "0"), "see 'docledger run --help'"),
        (("export", "--to", "excel"), "'beancount', 'hledger', 'csv', 'ndjson'"),
        (("show", "abc"), "at least 4 characters"),
        (("show", "ffffffff"), "no document has that id, and there is no such file"),
        (("show", "nosuch.pdf"), "no document has that id, and there is no such file"),
        (("show", "f" * 40), "no document has that id"),
        (("show", "\x1b[31m" + "x" * 300), "\\x1b[31m"),
        (("show", "."), "cannot be read as a file"),
        (("show", "mail#nothing"), "no such file"),
        (("proof", "ffffffff"), "no document has that id"),
        (("verify", "nosuch"), "no key for nosuch; give the log's public key with --key"),
        (("verify", ".", "--key", "nonsense"), "cannot read the public key"),
        (("verify", ".", "--key", "a+b+c"), "no vkey line"),
        (("quarantine", "replay", "ffff"), "no document has that id"),
        (("up", "--workers", "65"), "see 'docledger up --help'"),
    ],
)
def test_a_mistake_is_one_line(docledger: Docledger, words: tuple[str, ...], told: str) -> None:
    """No traceback, no frame, no control characters; and what to do instead."""
    said = docledger(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("docledger: ")
    assert said.err.count("\n") == 1
    assert told in said.err
    assert "\x1b" not in said.err


def test_a_file_that_became_no_document_is_told_so(docledger: Docledger, tmp_path: Path) -> None:
    """An empty file was refused; another was never run."""
    (tmp_path / "other.txt").write_text("never seen")
    for file in (docledger.file("empty.pdf"), tmp_path / "other.txt"):
        said = docledger("show", file)
        assert said.code == 2
        assert "no document was made of these bytes" in said.err


def test_an_attachment_that_is_not_there_is_told_so(docledger: Docledger) -> None:
    """The e-mail is found; the name after the mark is wrong."""
    said = docledger("show", f"{docledger.file('mail-with-attachments.eml')}#nosuch.pdf")
    assert (said.code, "no attachments of that e-mail are called nosuch.pdf" in said.err) == (
        2,
        True,
    )


def test_an_id_that_fits_several_documents_asks_for_more(
    docledger: Docledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Guessing which one is meant would erase the wrong one."""
    monkeypatch.setattr("deploy.local.lookup.SHORTEST", 0)
    monkeypatch.setattr("deploy.local.lookup._ID", re.compile("[0-9a-f]*"))
    said = docledger("show", "")
    assert (said.code, "documents' ids begin so; give more characters" in said.err) == (2, True)


def test_what_is_not_in_quarantine_cannot_be_shown_there(docledger: Docledger) -> None:
    """The document exists; it has no record."""
    said = docledger("quarantine", "show", docledger.file("contract.pdf"))
    assert (said.code, "is not in quarantine" in said.err) == (2, True)


def test_a_document_without_an_entry_has_no_proof(docledger: Docledger) -> None:
    """What went into quarantine never reached the log."""
    said = docledger("proof", docledger.file("corrupt.pdf"))
    assert (said.code, "no sealed entry" in said.err) == (2, True)


@pytest.mark.parametrize("command", ["status", "balance", "export", "verify", "audit"])
def test_a_folder_without_a_ledger_says_what_to_do(tmp_path: Path, command: str) -> None:
    """A newcomer's first command is often the wrong one."""
    said = Docledger(tmp_path / "nothing", tmp_path)(command)
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "run 'docledger run PATH' first" in said.err
    assert not (tmp_path / "nothing").exists()


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("hello")
    said = Docledger(tmp_path / "file" / "data", tmp_path)("run", tmp_path / "file")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "choose another with --data-dir" in said.err


def test_the_commands_own_data_dir_wins(docledger: Docledger, tmp_path: Path) -> None:
    """The option stands before or after the command's name."""
    assert docledger("status", "--data-dir", tmp_path / "none").code == 2
    assert docledger("--data-dir", tmp_path / "none", "status").code == 2
    assert (
        docledger("--data-dir", tmp_path / "none", "status", "--data-dir", docledger.data).code == 0
    )


@pytest.mark.parametrize("words", [(), ("held",), ("quarantine",)])
def test_a_group_alone_shows_its_help(docledger: Docledger, words: tuple[str, ...]) -> None:
    """Who types half a command wants to know the other half, and no more."""
    said = docledger(*words, width=100)
    assert said.code in {0, 2}
    assert "Usage: docledger" in plain(said.out)
    assert "docledger: ;" not in said.err


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (TransientError("the store is full"), 1, "not now: the store is full; give the same"),
        (PermissionError(13, "Permission denied", "/a\x1bb"), 1, "/a\\x1bb: Permission denied"),
        (OSError(), 1, "no input or output"),
        (KeyboardInterrupt(), 130, "give the same command again and it goes on"),
    ],
)
def test_an_outage_is_one_line(
    error: BaseException, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine's trouble is told like a person's, with another exit code."""

    @friendly
    def command() -> int:
        raise error

    with pytest.raises(typer.Exit) as ended:
        command()
    assert ended.value.exit_code == code
    assert told in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error(docledger: Docledger) -> None:
    """`docledger export | head -1` must end quietly."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-c", "from deploy.cli.main import main; main()", "export"],
        env={**os.environ, "DOCLEDGER_DATA_DIR": str(docledger.data), "PYTHONPATH": str(ROOT)},
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")
