"""``docledger verify`` and ``docledger proof`` as a person types them."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, Document, folder


def add_verifying(app: typer.Typer) -> None:
    """Add the two commands."""
    app.command()(verify)
    app.command()(proof)


@friendly
def verify(  # noqa: PLR0913, PLR0917 - one option each
    log: Annotated[
        str | None,
        typer.Argument(
            help="A log's folder or URL, or a data folder.",
            show_default="the logs of the data folder, or the bucket of the settings",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="The log's public key (a vkey line, or a file that holds it)."),
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option("--since", help="A checkpoint verified before: read only what is new."),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option("--against", help="A checkpoint that others were shown: a file or URL."),
    ] = None,
    proof: Annotated[
        Path | None, typer.Option("--proof", help="Verify this .tlog-proof; needs no log.")
    ] = None,
    entry: Annotated[
        Path | None, typer.Option("--entry", help="The entry's bytes, if not in the proof.")
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option("--state", help="Remember the last checkpoint here, and compare with it."),
    ] = None,
    watch: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--watch", help="Look again and again, until something is wrong.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.01, help="Seconds from look to look.")
    ] = 60.0,
    data_dir: DataDir = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Check every leaf, tile and checkpoint of a log with its public key alone.

    Exit codes: 0 verified · 1 not what it claims to be · 2 the command is wrong · 3 forked, rolled
    back, or shown otherwise to others · 4 cannot be read now, which says nothing about it.
    A server that wants a token gets that in DOCLEDGER_LOG_TOKEN.
    """
    from deploy.cli import verify as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(
        log=log,
        key=key,
        since=since,
        against=against,
        proof=proof,
        entry=entry,
        state=state,
        every=every if watch else None,
        as_json=format_ is Format.JSON,
    )
    return command.verify(folder(data_dir), asked)


@friendly
def proof(document: Document, data_dir: DataDir = None) -> int:
    """Print the .tlog-proof of a document's entry."""
    from deploy.cli import verify as command  # noqa: PLC0415 - --help must not wait for it

    return command.proof(folder(data_dir), document)
