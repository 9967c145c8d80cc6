"""Logs cannot leak: what stands in documents and in their names is in no line, span, event or name.

Every library of every process says all that it has to say here, DEBUG included.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.canaries import FORMS, canary_invoice, make_canaries
from examples.fixed import fast_examples
from examples.generate import save_examples
from examples.truth import Example
from tests.e2e.commands import ROOT, Ended, docledger
from tests.e2e.needles import SHORTEST, fields_of, forms_of, needles_of, seen_below, seen_in

pytestmark = pytest.mark.integration

TALKATIVE = """
import logging

logging.WARNING = logging.DEBUG  # the level from which on records are taken
logging.getLogger().setLevel(logging.DEBUG)
logging.getLogger("docledger.attack").debug("a library speaks")
"""
"""Imported by every Python process before anything else (site)."""


@dataclass(frozen=True)
class Told:
    """A data folder and what was said while it was filled.

    Attributes:
        data: the data folder.
        ran: the run.
        canaries: forms of personal data in the canary documents, and pieces of their bytes.
        fields: names, addresses, tax ids and invoice ids of the examples.
    """

    data: Path
    ran: Ended
    canaries: set[bytes]
    fields: set[bytes]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Run all fast examples and the canaries, one of them broken, with talkative libraries."""
    base = tmp_path_factory.mktemp("leaks")
    people = [make_canaries(seed) for seed in range(40, 45)]
    papers = [
        canary_invoice(person, form=form, seed=number)
        for number, (person, form) in enumerate(zip(people, FORMS, strict=False), start=40)
    ]
    broken = canary_invoice(people[-1], form="pdf", seed=44)
    content = broken.content[:700] + b"\n".join(people[-1].needles()) + broken.content[900:1500]
    papers.append(Example(broken.name, content, broken.truth))
    examples = fast_examples()
    save_examples(base / "in", [*examples, *papers])
    (base / "talk").mkdir()
    (base / "talk" / "sitecustomize.py").write_text(TALKATIVE)
    path = f"{base / 'talk'}{os.pathsep}{ROOT}"
    ran = docledger(
        base / "data",
        "run",
        base / "in",
        "--format",
        "json",
        more={"PYTHONPATH": path, "DOCLEDGER_LOG_LEVEL": "debug"},
    )
    assert ran.code == 0, ran.stderr
    needles = set()
    for person, paper in zip(people, papers, strict=True):
        needles |= needles_of(person, paper)
    for example in examples:  # what every PDF of the generator has
        needles -= seen_in(example.content, needles)
    return Told(base / "data", ran, needles, fields_of(examples))


def test_the_libraries_did_speak(told: Told) -> None:
    """Where nothing is said nothing can leak: the lines of libraries are really there."""
    logs = b"".join(path.read_bytes() for path in (told.data / "logs").iterdir())
    assert b'"library"' in logs


def test_the_canaries_are_in_the_output_of_the_one_who_asked(told: Told) -> None:
    """They were read, so they could have leaked."""
    assert seen_in(told.ran.stdout, told.canaries)


def test_no_canary_is_on_stderr_or_in_any_file(told: Told) -> None:
    """Log lines, spans, object names, events, register and books: every byte of every file."""
    assert seen_in(told.ran.stderr, told.canaries) == set()
    assert seen_below(told.data, told.canaries) == {}


def test_no_field_of_any_example_is_on_stderr_or_in_any_file(told: Told) -> None:
    """Who bills whom for what stands under the documents' keys alone."""
    assert len(told.fields) > 50
    assert seen_in(told.ran.stderr, told.fields) == set()
    assert seen_below(told.data, told.fields) == {}


def test_no_file_name_is_in_any_file(told: Told) -> None:
    """A sender's name for a file is content: people put people's names into it."""
    names = {
        form
        for line in told.ran.lines
        for form in forms_of(Path(line["source"]).name.encode())
        if len(Path(line["source"]).name) >= SHORTEST
    }
    assert seen_below(told.data, names) == {}


def test_commands_that_look_say_nothing_on_stderr(told: Told, tmp_path: Path) -> None:
    """Their output is for the one who asked; stderr goes wherever it goes."""
    data = tmp_path / "data"
    shutil.copytree(told.data, data)
    posted = next(line for line in told.ran.lines if line["status"] == "posted")
    for command in (("show", posted["document_id"]), ("trace", posted["document_id"]), ("audit",)):
        ended = docledger(data, *command)
        assert ended.code == 0
        assert ended.stderr == b""
