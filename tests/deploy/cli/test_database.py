"""``docledger database``: whoever releases sees revisions before and after, on either kind."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.ingest.register_schema import REGISTER
from services.ledger.adapters.schema import JOURNAL
from shared.database.postgres import open_postgres
from tests.deploy.conftest import Docledger

NEEDED = {"register": REGISTER.newest, "journal": JOURNAL.newest}


def revisions(rows: list[dict[str, Any]], key: str) -> dict[str, str | None]:
    """Return by database what the rows say under ``key``."""
    return {row["database"]: row[key] for row in rows}


def asked(docledger: Docledger, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Run a command of the group; return its exit code and rows."""
    answer = docledger("database", *words, "--format", "json")
    return answer.code, [json.loads(line) for line in answer.out.splitlines()]


@pytest.fixture
def fresh(tmp_path: Path) -> Docledger:
    """Return the command on a data folder that is not there yet."""
    return Docledger(tmp_path / "data", tmp_path)


def test_looking_makes_nothing(fresh: Docledger) -> None:
    """Who only asks must not bring a database about."""
    code, rows = asked(fresh, "show")
    assert code == 1
    assert revisions(rows, "revision") == {"register": None, "journal": None}
    assert not fresh.data.exists()


def test_files_go_down_and_up(fresh: Docledger) -> None:
    """A release that went wrong on a laptop is taken back before the older version starts."""
    code, rows = asked(fresh, "migrate")
    assert (code, revisions(rows, "after")) == (0, NEEDED)
    code, rows = asked(fresh, "migrate", "--of", "register", "--to", "0001")
    assert (code, revisions(rows, "after")) == (0, {"register": "0001"})
    assert asked(fresh, "show")[0] == 1
    assert asked(fresh, "migrate", "--of", "register")[1][0]["before"] == "0001"
    assert asked(fresh, "show")[0] == 0


def test_a_server_is_migrated_with_its_roles(
    fresh: Docledger, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one command that a release needs: tables, triggers, roles and grants of both."""
    monkeypatch.setenv("DOCLEDGER_REGISTER_DATABASE", postgres)
    monkeypatch.setenv("DOCLEDGER_LEDGER_DATABASE", postgres)
    code, rows = asked(fresh, "migrate")
    assert (code, revisions(rows, "before")) == (0, {"register": None, "journal": None})
    assert revisions(rows, "after") == NEEDED
    assert {row["kind"] for row in asked(fresh, "show")[1]} == {"postgresql"}
    open_postgres(postgres, JOURNAL).close()
    with psycopg.connect(postgres) as connection:
        sees = "SELECT has_table_privilege('docledger_ledger_reader', 'ledger.entries', 'SELECT')"
        assert connection.execute(sees).fetchone() == (True,)
    assert not fresh.data.exists()


def test_a_revision_is_of_one_database(fresh: Docledger) -> None:
    """0001 of the one is not 0001 of the other."""
    answer = fresh("database", "migrate", "--to", "0001")
    assert answer.code == 2
    assert "--of register or --of journal" in answer.err
    assert fresh("database", "migrate", "--of", "journal", "--to", "x").code == 2


def test_a_person_sees_a_table(fresh: Docledger) -> None:
    """Before and after, side by side."""
    answer = fresh("database", "migrate", "--of", "journal")
    assert [*answer.out.split()[-4:]] == ["journal", "sqlite", "none", JOURNAL.newest]
