"""The command and the files it leaves."""

import json
from pathlib import Path

import pytest

from examples.generate import TRUTH_NAME, main, write_examples


def test_command_writes_files_and_truth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file is in the truth, and the truth is no document."""
    assert main([str(tmp_path / "out"), "--fast", "--count", "3", "--seed", "4"]) == 0
    truth = json.loads((tmp_path / "out" / TRUTH_NAME).read_text("ascii"))
    files = {path.name for path in (tmp_path / "out").iterdir()}
    assert TRUTH_NAME.startswith(".")
    assert files == set(truth) | {TRUTH_NAME}
    assert {"invoice-0000001.pdf", "invoice-0000003.pdf"} <= files
    assert str(len(truth)) in capsys.readouterr().out


def test_truth_file_says_what_the_examples_say(tmp_path: Path) -> None:
    """Programs in other languages read the file."""
    written = {e.name: e for e in write_examples(tmp_path, fast=True)}
    truth = json.loads((tmp_path / TRUTH_NAME).read_text("ascii"))
    wrong = truth["invoice-wrong-total.pdf"]
    assert (wrong["status"], wrong["reason"]) == ("held", "total_mismatch")
    assert wrong["acceptable"] == [["held", "total_mismatch"]]
    assert wrong["fields"] == written["invoice-wrong-total.pdf"].truth.fields
    mail = truth["mail-with-attachments.eml"]
    assert [a["name"] for a in mail["attachments"]] == ["invoice.pdf", "credit-note.xml"]
    for name, example in written.items():
        assert (tmp_path / name).read_bytes() == example.content
