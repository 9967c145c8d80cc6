"""``docledger period``, as a person types it."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.desk_commands import By
from deploy.cli.options import DataDir, folder

period = typer.Typer(help="Months of the books, closed for good.", no_args_is_help=True)

Month = Annotated[str, typer.Argument(metavar="MONTH", help="As in 2026-01.")]


@period.command("close")
@friendly
def period_close(
    month: Month,
    with_open_holds: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--with-open-holds", help="Even though documents are held; it says how many."),
    ] = False,
    data_dir: DataDir = None,
    by: By = None,
) -> int:
    """Seal a month's totals, and let nothing more be dated in it; there is no way back."""
    from deploy.cli import period as command  # noqa: PLC0415 - --help must not wait for it

    return command.close(folder(data_dir), month, by, with_open_holds=with_open_holds)


@period.command("list")
@friendly
def period_list(data_dir: DataDir = None, format_: FormatOption = Format.TABLE) -> int:
    """List the months that are closed."""
    from deploy.cli import period as command  # noqa: PLC0415 - --help must not wait for it

    return command.show(folder(data_dir), as_json=format_ is Format.JSON)


@period.command("export")
@friendly
def period_export(
    month: Month,
    to: Annotated[
        Path, typer.Option("--output", "-o", help="A ZIP file (by its name), or a new folder.")
    ],
    data_dir: DataDir = None,
) -> int:
    """Write a closed month as one bundle that verifies offline; the same bytes each time."""
    from deploy.cli import period as command  # noqa: PLC0415 - --help must not wait for it

    return command.export(folder(data_dir), month, to)


@period.command("verify")
@friendly
def period_verify(
    bundles: Annotated[
        list[Path], typer.Argument(help="Bundles, the oldest first; each must follow the last.")
    ],
    key: Annotated[
        str, typer.Option("--key", help="The log's public key (a vkey line, or a file of it).")
    ],
    format_: FormatOption = Format.TABLE,
) -> int:
    """Check bundles with the log's public key alone; exit 1 and name the file that is wrong."""
    from deploy.cli import period as command  # noqa: PLC0415 - --help must not wait for it

    return command.verify(bundles, key, as_json=format_ is Format.JSON)
