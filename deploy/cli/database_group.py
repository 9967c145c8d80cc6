"""``docledger database``: its options. What they do is imported when they do it."""

from enum import StrEnum
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, folder

database = typer.Typer(
    help="Register and journal: which revision their tables are at, and bringing them to another.",
    no_args_is_help=True,
)


class Which(StrEnum):
    """Of which database."""

    REGISTER = "register"
    JOURNAL = "journal"


Of = Annotated[
    Which | None,
    typer.Option("--of", help="Of which only.", show_default="both"),
]


@database.command("show")
@friendly
def show(
    data_dir: DataDir = None,
    of: Of = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Show where each lies, its revision and the one that this version needs; change nothing."""
    from deploy.cli import database as command  # noqa: PLC0415 - --help must not wait for it

    return command.show(folder(data_dir), of and of.value, as_json=format_ is Format.JSON)


@database.command("migrate")
@friendly
def migrate(
    data_dir: DataDir = None,
    of: Of = None,
    to: Annotated[
        str, typer.Option("--to", metavar="REV", help="A revision; head is the newest.")
    ] = "head",
    format_: FormatOption = Format.TABLE,
) -> int:
    """Bring the tables to a revision, up or down, with what is in them; as their owner."""
    from deploy.cli import database as command  # noqa: PLC0415 - --help must not wait for it

    which = of and of.value
    return command.migrate(folder(data_dir), which, to=to, as_json=format_ is Format.JSON)
