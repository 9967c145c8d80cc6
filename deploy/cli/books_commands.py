"""``docledger balance``, ``journal`` and ``export``, as a person types them."""

from enum import StrEnum
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, folder

AsOf = Annotated[
    str | None,
    typer.Option("--as-of", metavar="DATE", help="By accounting date: up to that day, included."),
]
AtSize = Annotated[
    int | None,
    typer.Option("--at-size", min=0, help="What the log knew at that size, whatever its dates."),
]
SealedBy = Annotated[
    str | None,
    typer.Option(
        "--sealed-by", metavar="TIME", help="What a checkpoint covered at that time (ISO 8601)."
    ),
]


class Books(StrEnum):
    """What the books are exported to."""

    BEANCOUNT = "beancount"
    HLEDGER = "hledger"
    CSV = "csv"
    NDJSON = "ndjson"


def add_books(app: typer.Typer) -> None:
    """Add the commands that only look."""
    for command in (balance, journal, export):
        app.command()(command)


@friendly
def balance(  # noqa: PLR0913, PLR0917 - one option each
    as_of: AsOf = None,
    at_size: AtSize = None,
    sealed_by: SealedBy = None,
    in_books_currency: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option(
            "--in-books-currency",
            help="Only the books' own currency; exit 1 while a posting waits to be converted.",
        ),
    ] = False,
    data_dir: DataDir = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Show the trial balance, each currency by itself."""
    from deploy.cli import books as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(as_of, at_size, sealed_by)
    as_json = format_ is Format.JSON
    return command.balance(folder(data_dir), asked, converted=in_books_currency, as_json=as_json)


@friendly
def journal(
    as_of: AsOf = None,
    at_size: AtSize = None,
    sealed_by: SealedBy = None,
    data_dir: DataDir = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Show the entries in the order of the log, with what they post."""
    from deploy.cli import books as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(as_of, at_size, sealed_by)
    return command.journal(folder(data_dir), asked, as_json=format_ is Format.JSON)


@friendly
def export(
    to: Annotated[Books, typer.Option("--to", help="The format.")] = Books.BEANCOUNT,
    as_of: AsOf = None,
    at_size: AtSize = None,
    sealed_by: SealedBy = None,
    data_dir: DataDir = None,
) -> int:
    """Print the books for another program, with each line's index in the log."""
    from deploy.cli import books as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(as_of, at_size, sealed_by)
    return command.export(folder(data_dir), asked, to.value)
