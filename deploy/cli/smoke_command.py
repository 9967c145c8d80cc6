"""``docledger smoke`` as a person types it."""

from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, folder


def add_smoke(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(smoke)


@friendly
def smoke(  # noqa: PLR0913, PLR0917 - one option each
    submit: Annotated[
        str | None,
        typer.Option(
            "--submit",
            envvar="DOCLEDGER_SMOKE_SUBMIT",
            help="The partner API (https://…), or gs:// and the uploads bucket.",
            show_default="what is up on the data folder",
        ),
    ] = None,
    auditor: Annotated[
        str | None,
        typer.Option(
            "--auditor",
            envvar="DOCLEDGER_SMOKE_AUDITOR",
            help="The auditor API (https://…).",
            show_default="likewise",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            envvar="DOCLEDGER_SMOKE_KEY",
            help="The log's public key (a vkey line, or a file that holds it).",
        ),
    ] = None,
    tenant: Annotated[
        str,
        typer.Option(
            "--tenant",
            envvar="DOCLEDGER_SMOKE_TENANT",
            help="Whose log it appears in; as whom it is handed in, the account or bucket says.",
        ),
    ] = "smoke",
    within: Annotated[
        float, typer.Option("--within", min=1, max=3_600, help="Seconds that it may take.")
    ] = 300.0,
    submit_token: Annotated[
        str | None,
        typer.Option(
            "--submit-token",
            envvar="DOCLEDGER_SMOKE_SUBMIT_TOKEN",
            help="Where the partner API's ID token is: env:VARIABLE, file:/path or metadata.",
            show_default="metadata in a Cloud Run job, else none",
        ),
    ] = None,
    auditor_token: Annotated[
        str | None,
        typer.Option(
            "--auditor-token",
            envvar="DOCLEDGER_SMOKE_AUDITOR_TOKEN",
            help="Likewise, the auditor API's.",
            show_default="likewise",
        ),
    ] = None,
    data_dir: DataDir = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Send one known document through the live path and verify the proof of its entry.

    Exit codes: 0 posted, and its proof verifies · 1 not posted in time, or ended otherwise · 2 the
    command or a setting is wrong · 3 the proof, the entry or the log is not what it must be ·
    4 an API does not answer, or refuses us. It leaves one invoice in the books of the tenant.
    """
    from deploy.cli import smoke as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(
        submit=submit,
        auditor=auditor,
        key=key,
        tenant=tenant,
        within_s=within,
        submit_token=submit_token,
        auditor_token=auditor_token,
        as_json=format_ is Format.JSON,
    )
    return command.smoke(folder(data_dir), asked)
