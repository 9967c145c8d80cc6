"""A release goes out step by step and comes back: the code before it must work on its tables."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text

from services.ingest.register_schema import REGISTER
from services.ledger.adapters.schema import JOURNAL
from shared.database.revisions import suits
from shared.database.schema import Schema
from shared.database.sqlite import open_sqlite
from shared.errors import UserError

BEFORE_GRADUAL = {"register": "0005", "journal": "0002"}
"""The last revision of each that was made when releases still went out at once."""


@pytest.mark.parametrize(
    ("revision", "newest", "works"),
    [
        ("0005", "0005", True),
        ("0006for0005", "0005", True),
        ("0007for0005", "0005", True),
        ("0007for0005", "0006for0005", True),
        ("0006for0005", "0006for0005", True),
        ("0007for0006", "0005", False),
        ("0006", "0005", False),
        (None, "0005", False),
        ("0004", "0005", False),
        ("0005for0005", "0005", False),
        ("later", "0005", False),
        ("0006for0005 ", "0005", False),
    ],
)
def test_newer_tables_are_worked_on_only_where_they_say_so(
    revision: str | None,
    newest: str,
    works: bool,  # noqa: FBT001 - a column
    tmp_path: Path,
) -> None:
    """A guess could write into a column that means something else by now."""
    (tmp_path / "versions").mkdir()
    for one in ("0004", "0005", newest):
        (tmp_path / "versions" / f"{one}_x.py").touch()
    schema = Schema("x", "the x", tmp_path, newest)
    assert suits(revision, schema) is works


def test_release_before_opens_what_the_new_one_migrated(tmp_path: Path) -> None:
    """Else every instance that starts during a release, or after a rollback, would refuse."""

    def migrated_to(revision: str) -> None:
        database = open_sqlite(tmp_path / "x", REGISTER)
        with database.writing() as connection:
            connection.execute(
                text("UPDATE alembic_version SET version_num = :to"), {"to": revision}
            )
        database.close()

    migrated_to(f"9998for{REGISTER.newest[:4]}")
    open_sqlite(tmp_path / "x", REGISTER).close()
    migrated_to("9999for9998")
    with pytest.raises(UserError, match="newer version"):
        open_sqlite(tmp_path / "x", REGISTER)


def unsuited(schema: Schema, before: str) -> list[str]:
    """Return migrations that the code before them could not work on."""
    names = sorted(path.name.split("_")[0] for path in schema.migrations.glob("versions/0*.py"))
    wrong = []
    for last, name in pairwise(names):
        earlier = replace(schema, newest=last, migrations=Path("nowhere"))
        if name > before and not suits(name, earlier):
            wrong.append(name)
    return wrong


@pytest.mark.parametrize(
    ("schema", "before"),
    [(REGISTER, BEFORE_GRADUAL["register"]), (JOURNAL, BEFORE_GRADUAL["journal"])],
)
def test_every_migration_lets_the_code_before_it_go_on(schema: Schema, before: str) -> None:
    """Name it 0006for0005 and add only; what must go, goes a release later."""
    assert unsuited(schema, before) == []


def test_migration_that_does_not_is_found(tmp_path: Path) -> None:
    """The rule above is tried on a breach."""
    (tmp_path / "versions").mkdir()
    for one in ("0001", "0002for0001", "0003for0002", "0004"):
        (tmp_path / "versions" / f"{one}_x.py").touch()
    schema = Schema("x", "the x", tmp_path, "0004")
    assert unsuited(schema, "0001") == ["0004"]
