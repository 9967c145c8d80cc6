"""The table of grants, read and written out."""

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.iam.calls import load_calls
from deploy.iam.matrix import INVOKER, Grant, account_id, condition_of, load_matrix, member_of
from deploy.iam.stated import IAM_FILE, load_stated
from shared.errors import UserError

MATRIX: Final = load_matrix()
BOUNDED: Final = Grant(
    "ocr", "readObjects", "bucket/objects", "why not", under=("results/ocr/", "originals/")
)


def _begins(prefix: str) -> str:
    return f'resource.name.startsWith("projects/_/buckets/p-objects/objects/{prefix}")'


def test_a_condition_is_what_iam_reads() -> None:
    """CEL, over the names that Cloud Storage checks; the test of Terraform reads the same."""
    both = f"{_begins('results/ocr/')} || {_begins('originals/')}"
    assert condition_of(BOUNDED, MATRIX, project="p") == both
    less = replace(BOUNDED, except_=("originals/x/",))
    assert condition_of(less, MATRIX, project="p") == f"({both}) && !{_begins('originals/x/')}"
    rest = replace(BOUNDED, under=(), except_=("originals/",))
    assert condition_of(rest, MATRIX, project="p") == f"!{_begins('originals/')}"
    named = condition_of(BOUNDED, MATRIX, project="p", bucket_name=lambda entry: f"my-{entry}")
    assert named is not None
    assert "projects/_/buckets/my-objects/objects/" in named


def test_what_is_not_bounded_has_no_condition() -> None:
    """And on the project, what is bounded is bounded to the database server."""
    assert condition_of(replace(BOUNDED, under=()), MATRIX, project="p") is None
    logs_in = Grant("ledger", "logIn", "project", "it books", bounded=True)
    server = 'resource.name == "projects/p/instances/docledger"'
    assert condition_of(logs_in, MATRIX, project="p") == server


@pytest.mark.parametrize(
    ("name", "reached"),
    [("results/ocr/d/1", True), ("originals/d", True), ("inbox/t/j", False), (None, False)],
)
def test_a_bounded_grant_reaches_what_its_condition_says(name: str | None, reached: bool) -> None:  # noqa: FBT001 - a row of the table
    """None is the bucket itself."""
    assert BOUNDED.reaches(name) == reached


def test_a_grant_can_be_bounded_by_how_names_end() -> None:
    """Of a log only two kinds of objects are ever replaced, whosever log it is."""
    ends = replace(BOUNDED, under=(), ending=("/checkpoint", ".keys"))
    assert condition_of(ends, MATRIX, project="p") == (
        'resource.name.endsWith("/checkpoint") || resource.name.endsWith(".keys")'
    )
    names = ("t/checkpoint", "t.keys", "t.vkey", "t/tile/0/000", None)
    assert [name for name in names if ends.reaches(name)] == ["t/checkpoint", "t.keys"]


def test_members_are_named_as_iam_names_them() -> None:
    """Ours by the project's name, Google's by its number, invokers by their rule."""
    told = {
        name: member_of(MATRIX, name, project="p-1", number="12")
        for name in ("ocr", "agent/pubsub", f"{INVOKER}ocr.pages-read.dead")
    }
    assert told == {
        "ocr": "serviceAccount:docledger-ocr@p-1.iam.gserviceaccount.com",
        "agent/pubsub": "serviceAccount:service-12@gcp-sa-pubsub.iam.gserviceaccount.com",
        f"{INVOKER}ocr.pages-read.dead": "serviceAccount:"
        f"{account_id(MATRIX, f'{INVOKER}ocr.pages-read.dead')}@p-1.iam.gserviceaccount.com",
    }


def test_a_grant_taken_away_is_gone() -> None:
    """And nothing else with it."""
    grant = next(one for one in MATRIX.grants if one.identity == "sequencer")
    less = MATRIX.without(grant)
    assert set(MATRIX.grants) - set(less.grants) == {grant}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("version: 1", "version: [", "cannot be read as YAML"),
        ("version: 1", "version: 2", "version"),
        ("key: documents", "key: nothing", "nothing is no key"),
        ("{ring: cmek, name: uploads", "{ring: attic, name: uploads", "attic is no ring"),
        ("agents: [pubsub]", "agents: [nobody]", "nobody is no agent"),
        ("role: readObjects", "role: readEverything", "readEverything is no role"),
        ("[eraser]", "[cleaner]", "cleaner is no identity"),
        ("every: topic,", "every: topic, at: project,", "on one resource, or on every one"),
        ("at: key/kek, role: wrapKeys,", "at: key/kek, role: wrapKeys, bounded: true,", "bounded"),
        ("ending: [/checkpoint,", "under: [keys/], ending: [/checkpoint,", "begin, or by how"),
        ("ending: [/checkpoint,", 'ending: ["*",', "ending"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """One line that says where, before anything is applied."""
    text = IAM_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "iam.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UserError, match=told):
        load_stated(path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("methods: [", "cannot be read as YAML"),
        ("methods: {}\nuses: {ocr: {project: {call: []}}}", "ocr uses call, which is no method"),
    ],
)
def test_a_table_of_calls_that_contradicts_itself_is_refused(
    tmp_path: Path, text: str, told: str
) -> None:
    """A use of nothing would need nothing."""
    path = tmp_path / "calls.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told):
        load_calls(path)
