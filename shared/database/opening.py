"""A server where one is named, a file where not."""

from pathlib import Path

from shared.database.database import Database
from shared.database.schema import Schema


def open_database(url: str | None, file: Path, schema: Schema) -> Database:
    """Return the schema on the server at ``url``, or in ``file`` when there is none.

    Imports only what it opens: SQLite's users need no driver of PostgreSQL.

    Raises:
        TransientError: it cannot be opened now.
        UserError: the URL is none, or the schema is at another revision than the code.
    """
    if url is not None:
        from shared.database.postgres import open_postgres  # noqa: PLC0415 - see above

        return open_postgres(url, schema)
    from shared.database.sqlite import open_sqlite  # noqa: PLC0415 - see above

    return open_sqlite(file, schema)


def connect_database(url: str | None, file: Path, schema: Schema) -> Database:
    """Return the schema in whichever revision, to be migrated; nothing is asked yet.

    Raises:
        TransientError: the file's folder cannot be made now.
        UserError: the URL is none.
    """
    if url is not None:
        from shared.database.postgres import connect  # noqa: PLC0415 - see above

        return connect(url, schema)
    from shared.database.sqlite import connect_sqlite  # noqa: PLC0415 - see above

    return connect_sqlite(file, schema)
