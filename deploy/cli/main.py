"""The ``docledger`` command. Everything heavy is imported by the command that needs it."""

import io
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

from deploy.cli.books_commands import add_books
from deploy.cli.command import Format, FormatOption, friendly, told
from deploy.cli.database_group import database
from deploy.cli.desk_commands import add_desk
from deploy.cli.doctor_command import add_doctor
from deploy.cli.keys_group import keys
from deploy.cli.options import DataDir, Document, Workers, choose, folder
from deploy.cli.period_group import period
from deploy.cli.serve_command import add_serving
from deploy.cli.smoke_command import add_smoke
from deploy.cli.topology_group import topology
from deploy.cli.verify_commands import add_verifying
from deploy.local.files import printable

app = typer.Typer(
    name="docledger",
    help="Turn documents into ledger entries that anyone can prove.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    epilog="Exit codes: 0 done, every file accounted for · 1 audit or verify found something, "
    "or it cannot be done now · 2 the command, a path or a setting is wrong · 130 interrupted; "
    "the same command goes on.",
    add_completion=False,
)
quarantine = typer.Typer(help="Documents that a worker could not do.", no_args_is_help=True)
app.add_typer(period, name="period")
app.add_typer(quarantine, name="quarantine")
app.add_typer(topology, name="topology")
app.add_typer(keys, name="keys")
app.add_typer(database, name="database")


class Bus(StrEnum):
    """What events travel on."""

    EMBEDDED = "embedded"
    PUBSUB = "pubsub"


@app.callback()
def docledger(
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            envvar="DOCLEDGER_DATA_DIR",
            help="Where everything lies.",
            show_default=".docledger",
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            "--tenant",
            envvar="DOCLEDGER_TENANT",
            help="Whose documents, where a project has several tenants.",
            show_default="default",
        ),
    ] = None,
) -> None:
    """Turn documents into ledger entries that anyone can prove."""
    choose(data_dir, tenant)


@app.command()
@friendly
def run(
    paths: Annotated[list[Path], typer.Argument(help="Files or folders.", show_default=False)],
    data_dir: DataDir = None,
    workers: Workers = 2,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Take documents in, work until each has an outcome, show what became of them."""
    from deploy.cli import run as command  # noqa: PLC0415 - --help must not wait for it

    return command.run(folder(data_dir), paths, workers=workers, as_json=format_ is Format.JSON)


@app.command()
@friendly
def up(
    inbox: Annotated[
        Path | None,
        typer.Argument(help="Folder to watch.", show_default="the data folder's inbox"),
    ] = None,
    data_dir: DataDir = None,
    workers: Workers = 2,
    bus: Annotated[
        Bus, typer.Option("--bus", help="Embedded, or every worker by itself on the emulators.")
    ] = Bus.EMBEDDED,
) -> int:
    """Watch an inbox folder and work until interrupted, then drain."""
    from deploy.cli import up as command  # noqa: PLC0415 - --help must not wait for it

    if bus is Bus.PUBSUB:
        return command.up_on_pubsub(folder(data_dir), inbox)
    return command.up(folder(data_dir), inbox, workers=workers)


@app.command()
@friendly
def status(
    data_dir: DataDir = None,
    format_: FormatOption = Format.TABLE,
    watch: Annotated[bool, typer.Option("--watch", help="Look again until interrupted.")] = False,  # noqa: FBT002 - typer's flags
) -> int:
    """Show what is posted, held, quarantined and in flight, and how fast each stage drains."""
    from deploy.cli import status as command  # noqa: PLC0415 - --help must not wait for it

    return command.status(folder(data_dir), as_json=format_ is Format.JSON, watch=watch)


@app.command()
@friendly
def show(document: Document, data_dir: DataDir = None, format_: FormatOption = Format.TABLE) -> int:
    """Show a document's fields with their evidence, and its entry."""
    from deploy.cli import show as command  # noqa: PLC0415 - --help must not wait for it

    return command.show(folder(data_dir), document, as_json=format_ is Format.JSON)


@app.command()
@friendly
def trace(
    document: Document, data_dir: DataDir = None, format_: FormatOption = Format.TABLE
) -> int:
    """Show every stage, attempt, time and outcome of a document."""
    from deploy.cli import trace as command  # noqa: PLC0415 - --help must not wait for it

    return command.trace(folder(data_dir), document, as_json=format_ is Format.JSON)


@app.command()
@friendly
def audit(
    data_dir: DataDir = None,
    sweep: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--sweep", help="Bring back what can be brought back, then check again.")
    ] = False,
    workers: Workers = 2,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Check that everything is accounted for; exit 1 and name what is not."""
    from deploy.cli import audit as command  # noqa: PLC0415 - --help must not wait for it

    return command.run_audit(
        folder(data_dir), sweep=sweep, as_json=format_ is Format.JSON, workers=workers
    )


add_verifying(app)
add_serving(app)
add_smoke(app)
add_doctor(app)
add_books(app)
add_desk(app)


@app.command()
@friendly
def erase(
    document: Document,
    data_dir: DataDir = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002 - a flag
    format_: FormatOption = Format.TABLE,
) -> int:
    """Destroy a document's key: its content is gone, every proof still verifies."""
    from deploy.cli import erase as command  # noqa: PLC0415 - --help must not wait for it

    as_json = format_ is Format.JSON
    return command.erase(folder(data_dir), document, yes=yes, as_json=as_json)


@app.command()
@friendly
def retention(
    policy: Annotated[
        Path | None,
        typer.Option("--policy", help="A YAML file.", show_default="DOCLEDGER_ERASURE_POLICY"),
    ] = None,
    data_dir: DataDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what.")] = False,  # noqa: FBT002 - a flag
    format_: FormatOption = Format.TABLE,
) -> int:
    """Erase the documents that are older than the retention policy keeps them."""
    from deploy.cli import retention as command  # noqa: PLC0415 - --help must not wait for it

    as_json = format_ is Format.JSON
    return command.retention(folder(data_dir), policy, dry=dry_run, as_json=as_json)


@quarantine.command("list")
@friendly
def quarantine_list(data_dir: DataDir = None, format_: FormatOption = Format.TABLE) -> int:
    """List what waits in quarantine, with the reason."""
    from deploy.cli import quarantine as command  # noqa: PLC0415 - --help must not wait for it

    return command.show_all(folder(data_dir), as_json=format_ is Format.JSON)


@quarantine.command("show")
@friendly
def quarantine_show(document: Document, data_dir: DataDir = None) -> int:
    """Show a quarantined document's records: event, reason, trace, attempts."""
    from deploy.cli import quarantine as command  # noqa: PLC0415 - --help must not wait for it

    return command.show_one(folder(data_dir), document)


@quarantine.command("replay")
@friendly
def quarantine_replay(document: Document, data_dir: DataDir = None, workers: Workers = 2) -> int:
    """Send a quarantined document on its way again, in the same trace."""
    from deploy.cli import quarantine as command  # noqa: PLC0415 - --help must not wait for it

    return command.replay(folder(data_dir), document, workers=workers)


def mistyped(error: TyperException) -> int:
    """Say what is wrong with a command line, and where its help is; return the exit code."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "docledger"
    line = printable(" ".join(error.format_message().split()).rstrip("."))
    # Without a message it was a group without a command: its help stands there already.
    return told(f"{line}; see '{command} --help'", 2) if line else 2


def main() -> None:
    """Run the command; what was typed wrong is one line, too.

    To be told to end (SIGTERM) is an interrupt: what is in hand is finished first.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an ASCII terminal must not end in a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        code = mistyped(error)
    except typer.Abort:
        code = told("stopped; nothing was done", 1)
    sys.exit(code or 0)


if __name__ == "__main__":  # an image has no script of that name
    main()
