"""``docledger database``: revisions of register and journal, shown and changed."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.cli.opened import on_a_project
from deploy.cli.screen import safe, table, to_stdout
from deploy.local.site import Site
from services.ingest.register_schema import REGISTER
from services.ingest.settings import RegisterSettings
from services.ledger.adapters.schema import JOURNAL
from services.ledger.settings import LedgerSettings
from shared.database.database import Database
from shared.database.migrations import migrate as migrate_schema
from shared.database.opening import connect_database
from shared.database.revisions import revision_of
from shared.database.schema import Schema
from shared.errors import UserError


@dataclass(frozen=True, slots=True)
class _Place:
    """Where one schema lies."""

    name: str
    schema: Schema
    url: str | None
    file: Path

    @property
    def kind(self) -> str:
        return "sqlite" if self.url is None else "postgresql"

    @contextmanager
    def connected(self) -> Iterator[Database]:
        database = connect_database(self.url, self.file, self.schema)
        try:
            yield database
        finally:
            database.close()

    def revision(self) -> str | None:
        if self.url is None and not self.file.exists():
            return None  # who only looks makes no file
        with self.connected() as database, database.reading() as connection:
            return revision_of(connection, self.schema)


def show(data_dir: Path, of: str | None, *, as_json: bool) -> int:
    """Tell each schema's revision and the one that this version needs.

    Returns:
        1 when they differ.

    Raises:
        UserError: there is a project, and nobody said where its databases are.
    """
    rows = [
        {
            "database": place.name,
            "kind": place.kind,
            "revision": place.revision(),
            "needed": place.schema.newest,
        }
        for place in _places(data_dir, of)
    ]
    _tell(rows, as_json=as_json)
    return 1 if any(row["revision"] != row["needed"] for row in rows) else 0


def migrate(data_dir: Path, of: str | None, *, to: str, as_json: bool) -> int:
    """Bring each schema to a revision; tell the one before and the one after.

    Raises:
        UserError: ``to`` is no revision of it, or names one without saying of which database; or as
            ``show``.
    """
    places = _places(data_dir, of)
    if to != "head" and of is None:
        raise UserError("each database has revisions of its own: say --of register or --of journal")
    rows = []
    for place in places:
        if place.url is None:
            Site(data_dir).create()
        with place.connected() as database:
            before = migrate_schema(database, to=to)
        after = place.revision()
        rows.append({"database": place.name, "kind": place.kind, "before": before, "after": after})
    _tell(rows, as_json=as_json)
    return 0


def _places(data_dir: Path, of: str | None) -> list[_Place]:
    site = Site(data_dir)
    register, ledger = RegisterSettings.from_environment(), LedgerSettings.from_environment()
    places = (
        _Place("register", REGISTER, register.database, site.register),
        _Place("journal", JOURNAL, ledger.database, site.ledger),
    )
    asked = [place for place in places if of in {None, place.name}]
    unsaid = {"register": register.variable("database"), "journal": ledger.variable("database")}
    for place in asked:
        if place.url is None and on_a_project():  # an empty file would pass for what was migrated
            raise UserError(f"{unsaid[place.name]} is not set: say where {place.schema.called} is")
    return asked


def _tell(rows: list[dict[str, str | None]], *, as_json: bool) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row))  # noqa: T201 - this is the output
        return
    cells = [[safe(value or "none") for value in row.values()] for row in rows]
    to_stdout().print(table("Databases", [f"!{name}" for name in rows[0]], cells))
