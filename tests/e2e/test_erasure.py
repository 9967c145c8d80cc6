"""Provable, yet erasable: after ``erase`` no key in the data folder opens what a person wrote."""

import json
import signal
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.house import DEFAULT_TENANT
from examples.canaries import FORMS, Canaries, canary_invoice, make_canaries
from examples.fixed import fast_examples
from examples.generate import save_examples
from shared.tlog.note import VerifierKey
from shared.tlog.proof import verify_proof
from tests.e2e.commands import Started, docledger
from tests.e2e.needles import forms_of, needles_of, opened_by_any_key, seen_below, seen_in
from tests.e2e.settled import opened
from tests.waiting import wait_until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Erased:
    """A data folder before and after the erasure of everything that names a person.

    Attributes:
        data: the data folder.
        examples: the folder of the files.
        needles: what must not be found.
        clear_before: where needles stood in the clear before.
        sealed_before: in how many objects the attack found needles before.
        proofs: of every entry, made before; with its leaf.
        told: what ``erase`` printed, document by document.
        ids: of the erased documents.
        asked: of those that were named; the others are parts of one of them.
    """

    data: Path
    examples: Path
    needles: set[bytes]
    clear_before: dict[str, set[bytes]]
    sealed_before: int
    proofs: list[tuple[str, bytes]]
    told: list[str]
    ids: list[str]
    asked: list[str]


def _sealed_with(data: Path, needles: set[bytes]) -> list[str]:
    return [name for name, plain in opened_by_any_key(data) if seen_in(plain, needles)]


@pytest.fixture(scope="module")
def erased(tmp_path_factory: pytest.TempPathFactory) -> Erased:
    """Run four documents of four people and one of nobody; erase the people's."""
    base = tmp_path_factory.mktemp("erasure")
    data = base / "data"
    people = [make_canaries(seed) for seed in range(1, 5)]
    papers = [
        canary_invoice(person, form=form, seed=seed)
        for seed, (person, form) in enumerate(zip(people, FORMS, strict=True), start=1)
    ]
    other = next(one for one in fast_examples() if one.name == "invoice-de-letter.pdf")
    save_examples(base / "in", [*papers, other])
    (base / "in" / ".truth.json").unlink()
    needles = {
        one
        for person, paper in zip(people, papers, strict=True)
        for one in needles_of(person, paper)
    }
    needles -= seen_in(other.content, needles)  # what every PDF of the generator has
    ran = docledger(data, "run", base / "in", "--format", "json")
    assert ran.code == 0, ran.stderr
    ids = [line["document_id"] for line in ran.lines if not line["source"].endswith("letter.pdf")]
    asked = [line["document_id"] for line in ran.lines if "#" not in line["source"]]
    asked = [one for one in asked if one in ids]  # the parts of the e-mail go with it
    clear, sealed = seen_below(data, needles), len(_sealed_with(data, needles))
    with opened(data) as house:
        log = house.ledger.log_of(DEFAULT_TENANT)
        leaves = list(house.ledger.logs.leaves(DEFAULT_TENANT))
        proofs = [(log.prove(index), leaf) for index, leaf in enumerate(leaves)]
    with Started(data, "up") as running:
        wait_until(lambda: bool(running.children("work")), what="it has the folder")
        told = [docledger(data, "erase", one, "--yes") for one in (*asked, asked[0])]
        running.signal(signal.SIGTERM)
        assert running.wait().code == 0
    assert [one.code for one in told] == [0] * len(told), [one.stderr for one in told]
    return Erased(
        data=data,
        examples=base / "in",
        needles=needles,
        clear_before=clear,
        sealed_before=sealed,
        proofs=proofs,
        told=[one.stdout.decode() for one in told],
        ids=ids,
        asked=asked,
    )


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    """A search that finds nothing anywhere would pass every test below."""
    person = make_canaries(9)
    for number, form in enumerate(forms_of(person.name.encode())):
        (tmp_path / str(number)).write_bytes(b"x" + form.upper() + b"y")
    found = seen_below(tmp_path, forms_of(person.name.encode()))
    assert len(found) == len(forms_of(person.name.encode()))


def test_nothing_personal_lies_in_the_clear_even_before(erased: Erased) -> None:
    """Erasing keys erases nothing that was written beside the seals."""
    assert erased.clear_before == {}


def test_the_attack_opens_everything_before(erased: Erased) -> None:
    """The keys of the folder open originals, words, fields and names: so the attack is a fair one.

    Four originals, two parts of an e-mail, and what was read of each.
    """
    assert erased.sealed_before >= 6 * 3


def test_nothing_personal_is_left_in_the_clear_or_under_any_key(erased: Erased) -> None:
    """Every byte of every file, and of every object that some remaining key opens."""
    assert seen_below(erased.data, erased.needles) == {}
    assert _sealed_with(erased.data, erased.needles) == []


def test_what_was_not_erased_is_still_there(erased: Erased) -> None:
    """Only the people's documents are gone: the key of another one opens its original."""
    content = (erased.examples / "invoice-de-letter.pdf").read_bytes()
    assert content in [plain for _name, plain in opened_by_any_key(erased.data)]


def test_every_proof_made_before_still_verifies(erased: Erased) -> None:
    """Somebody who kept a proof can show it after the erasure as before."""
    key = VerifierKey.parse((erased.data / "log" / f"{DEFAULT_TENANT}.vkey").read_text().strip())
    assert len(erased.proofs) >= 6
    for proof, leaf in erased.proofs:
        verify_proof(proof, key, leaf=leaf)
    for command in ("verify", "audit"):
        told = docledger(erased.data, command)
        assert told.code == 0, (told.stdout, told.stderr)


def test_erase_says_what_is_gone_and_since_when(erased: Erased) -> None:
    """A person who must answer for it gets the two dates; the second time is no error."""
    for document_id, told in zip((*erased.asked, erased.asked[0]), erased.told, strict=True):
        assert f"{document_id}: erased" in told
        assert "unreachable now" in told
        assert "unrecoverable: now, unless a backup" in told
    for document_id in erased.ids:
        assert any(f"{document_id}: erased" in told for told in erased.told)


def test_the_same_bytes_again_are_refused(erased: Erased) -> None:
    """What was erased does not come back by the next upload, nor leaves anything behind."""
    ran = docledger(erased.data, "run", erased.examples, "--format", "json")
    told = {Path(line["source"]).suffix: (line["status"], line["reason"]) for line in ran.lines}
    assert told.pop(".pdf") in {("refused", "erased"), ("duplicate", None)}
    assert set(told.values()) == {("refused", "erased")}
    assert [line["status"] for line in ran.lines].count("refused") == 4
    assert seen_below(erased.data, erased.needles) == {}
    assert _sealed_with(erased.data, erased.needles) == []
    shown = docledger(erased.data, "show", erased.ids[0], "--format", "json")
    assert json.loads(shown.stdout)["erased"] is True


@pytest.fixture
def paper(tmp_path: Path) -> tuple[Canaries, Path]:
    """One person's invoice as a file."""
    person = make_canaries(17)
    example = canary_invoice(person, form="pdf", seed=17)
    save_examples(tmp_path / "in", [example])
    return person, tmp_path / "in" / example.name


def _nobody_writes(data: Path) -> bool:
    """Tell whether no file is locked: who is stopped in the middle of writing keeps all waiting."""
    for path in data.rglob("*.sqlite"):
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return False
    return True


@pytest.mark.parametrize("stage", ["ocr", "ledger"])
def test_a_document_under_way_can_be_erased(
    data: Path, paper: tuple[Canaries, Path], stage: str
) -> None:
    """A worker that has it in hand writes nothing more of it; the run tells that it is voided."""
    person, path = paper
    data.mkdir()
    with (
        opened(data) as house,
        Started(data, "run", path, "--workers", "1", "--format", "json") as started,
    ):

        def in_hand() -> bool:
            return any(
                row.leased for row in house.bus.backlog() if row.subscription.startswith(stage)
            )

        def caught() -> bool:
            workers = started.children("work") if in_hand() else []
            for worker in workers:
                worker.suspend()
            if workers and in_hand() and house.register.documents() and _nobody_writes(data):
                return True
            for worker in workers:
                worker.resume()
            return bool(house.register.documents()) and started.ended

        wait_until(caught, what=f"it is in {stage}")
        [document] = house.register.documents()
        told = docledger(data, "erase", document.document_id, "--yes")
        for worker in started.children("work"):
            worker.resume()
        ended = started.wait()
    assert told.code == 0, told.stderr
    assert ended.code == 0, ended.stderr
    example_bytes = path.read_bytes()
    needles = {form for needle in person.needles() for form in forms_of(needle)}
    assert seen_below(data, needles) == {}
    assert _sealed_with(data, {*needles, example_bytes[1000:1040].lower()}) == []
    for command in ("verify", "audit"):
        assert docledger(data, command).code in {0, 2 if command == "verify" else 0}
