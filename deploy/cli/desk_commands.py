"""``docledger held``, ``reverse``, ``proposals`` and ``fx``, as a person types them."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, Document, folder

By = Annotated[
    str | None,
    typer.Option(
        "--by",
        help="Who decides; books and log hold a keyed id of the name only.",
        show_default="who is logged in",
    ),
]
ProposalId = Annotated[str, typer.Argument(metavar="PROPOSAL", help="Its id, or the first of it.")]

held = typer.Typer(help="Documents that a person must decide.", no_args_is_help=True)
proposals = typer.Typer(help="What waits for a second person.", no_args_is_help=True)
fx = typer.Typer(help="Postings in foreign currencies.", no_args_is_help=True)


def add_desk(app: typer.Typer) -> None:
    """Add the commands that decide."""
    app.add_typer(held, name="held")
    app.add_typer(proposals, name="proposals")
    app.add_typer(fx, name="fx")
    app.command()(reverse)


@held.command("list")
@friendly
def held_list(data_dir: DataDir = None, format_: FormatOption = Format.TABLE) -> int:
    """List the documents that are held, with the reason."""
    from deploy.cli import held as command  # noqa: PLC0415 - --help must not wait for it

    return command.show_held(folder(data_dir), as_json=format_ is Format.JSON)


@held.command("post")
@friendly
def held_post(  # noqa: PLR0913, PLR0917 - one option a correction
    document: Document,
    data_dir: DataDir = None,
    type_: Annotated[str | None, typer.Option("--type", help="What it is.")] = None,
    date: Annotated[str | None, typer.Option("--date", help="ISO 8601.")] = None,
    currency: Annotated[str | None, typer.Option("--currency", help="ISO 4217.")] = None,
    net: Annotated[str | None, typer.Option("--net", help="Net amount.")] = None,
    tax: Annotated[str | None, typer.Option("--tax", help="Total tax amount.")] = None,
    total: Annotated[str | None, typer.Option("--total", help="Total amount.")] = None,
    by: By = None,
) -> int:
    """Post a held document by hand, with corrections where it was misread.

    Above the chart's limit it is proposed, and booked when a second person approves.
    """
    from deploy.cli import held as command  # noqa: PLC0415 - --help must not wait for it

    corrections = command.corrections(
        type_=type_, date=date, currency=currency, net=net, tax=tax, total=total
    )
    return command.post(folder(data_dir), document, corrections, by)


@held.command("void")
@friendly
def held_void(document: Document, data_dir: DataDir = None, by: By = None) -> int:
    """Decide that a held document is never posted."""
    from deploy.cli import held as command  # noqa: PLC0415 - --help must not wait for it

    return command.void(folder(data_dir), document, by)


@friendly
def reverse(document: Document, data_dir: DataDir = None, by: By = None) -> int:
    """Take a post back, and its conversions; the mistake stays to be read."""
    from deploy.cli import held as command  # noqa: PLC0415 - --help must not wait for it

    return command.reverse(folder(data_dir), document, by)


@proposals.command("list")
@friendly
def proposals_list(
    data_dir: DataDir = None,
    everything: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--all", help="Those that have ended, too.")
    ] = False,
    format_: FormatOption = Format.TABLE,
) -> int:
    """List what a second person must decide."""
    from deploy.cli import proposals as command  # noqa: PLC0415 - --help must not wait for it

    as_json = format_ is Format.JSON
    return command.show(folder(data_dir), everything=everything, as_json=as_json)


@proposals.command("approve")
@friendly
def proposals_approve(proposal: ProposalId, data_dir: DataDir = None, by: By = None) -> int:
    """Book exactly what was proposed; never by who proposed it."""
    from deploy.cli import proposals as command  # noqa: PLC0415 - --help must not wait for it

    return command.approve(folder(data_dir), proposal, by)


@proposals.command("reject")
@friendly
def proposals_reject(proposal: ProposalId, data_dir: DataDir = None, by: By = None) -> int:
    """End a proposal without an entry; by who proposed it, it is withdrawn."""
    from deploy.cli import proposals as command  # noqa: PLC0415 - --help must not wait for it

    return command.reject(folder(data_dir), proposal, by)


@fx.command("post")
@friendly
def fx_post(  # noqa: PLR0913, PLR0917 - one option each
    document: Document,
    rate: Annotated[
        str | None, typer.Option("--rate", help="So much of the books' currency for one of it.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Who publishes the rate, as in ECB.")
    ] = None,
    date: Annotated[str | None, typer.Option("--date", help="The rate's day, ISO 8601.")] = None,
    rates: Annotated[
        Path | None,
        typer.Option("--rates", help="A CSV file of rates: date,from,to,rate,source."),
    ] = None,
    data_dir: DataDir = None,
    by: By = None,
) -> int:
    """Convert a post into the books' currency; one that is converted already is revalued.

    The rate is one that you give, with its source and day; it stands in the log.
    """
    from deploy.cli import fx as command  # noqa: PLC0415 - --help must not wait for it

    typed = command.Typed(rate, source, date, rates)
    return command.post(folder(data_dir), document, typed, by)
