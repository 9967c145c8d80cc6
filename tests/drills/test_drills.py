"""The drills themselves, small: what docs/drills/ tells of is still so."""

import datetime as dt
from pathlib import Path

import pytest

from tests.drills import migration, restore
from tests.drills.evidence import Evidence
from tests.emulators.postgres import Postgres, postgres_folder

NOON = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)


@pytest.mark.integration
def test_a_lost_server_is_restored_and_a_stale_restore_refuses_to_sign() -> None:
    """Base backup and WAL bring back what was archived; what came after is lost, and counted."""
    with postgres_folder() as folder:
        folder.mkdir()
        evidence = restore.drill(folder, restore.Sizes(before=300, after=200, lost=7), synced=False)
    assert evidence.value("RPO") == 7
    assert evidence.value("of them sealed and published") == 500
    assert evidence.value("RTO") > 0
    assert any("refuses to sign" in note for note in evidence.notes)


def test_migrations_go_down_and_up_with_data(postgres_server: Postgres, tmp_path: Path) -> None:
    """A release is taken back without losing what the one before it knew; half of one is none."""
    evidence = migration.drill(postgres_server, tmp_path, entries=50)
    broken = [note for note in evidence.notes if "left no trace" in note]
    assert len(broken) == 2
    assert all("DataError" in note for note in broken)


def test_the_page_is_dated_and_says_what_was_seen(tmp_path: Path) -> None:
    """Evidence without a date or its figures is none."""
    evidence = Evidence("restore", said={"PostgreSQL": "18"})
    evidence.figure("RTO", 1.25, "s")
    evidence.figure("RPO", 1_000, "entries")
    evidence.note("it verifies")
    path = evidence.write(tmp_path, NOON)
    assert path.name == "2026-01-31-restore.md"
    page = path.read_text()
    assert "2026-01-31 12:00 UTC" in page
    assert "| RTO | 1.2 s |\n| RPO | 1,000 entries |" in page
    assert "PostgreSQL 18, load at the end " in page
    assert "1. it verifies\n" in page
