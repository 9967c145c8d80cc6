"""``docledger doctor`` as a person types it."""

from pathlib import Path
from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly


def add_doctor(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


@friendly
def doctor(  # noqa: PLR0913, PLR0917 - one option each
    project: Annotated[
        str,
        typer.Option(
            "--project", envvar="GOOGLE_CLOUD_PROJECT", help="The Google Cloud project's id."
        ),
    ],
    region: Annotated[
        str, typer.Option("--region", envvar="GOOGLE_CLOUD_REGION", help="Where everything is.")
    ],
    only: Annotated[
        list[str] | None,
        typer.Argument(help="Resources or kinds, as topic or bucket/log.", show_default="all"),
    ] = None,
    external: Annotated[
        list[str] | None,
        typer.Option(
            "--external",
            metavar="NAME=MEMBER",
            help="Who partners or auditors are, as partners=group:them@example.com; repeat it.",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(
            "--accept",
            metavar="'RESOURCE FOUND'",
            help="What may be there beside infra/iam.yaml, as a line says it; repeat it.",
        ),
    ] = None,
    objects: Annotated[
        int,
        typer.Option("--objects", min=1, max=1_000_000, help="Objects a prefix to look at."),
    ] = 1_000,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File for every line as JSON: the evidence."),
    ] = None,
    format_: FormatOption = Format.TABLE,
) -> int:
    """Compare a live project with infra/iam.yaml and infra/topology.yaml; change nothing.

    Exit codes: 0 all is as it should be · 1 something differs · 2 the command or a setting is
    wrong · 3 something could not be looked at: an API refused or did not answer.
    """
    from deploy.cli import doctor as command  # noqa: PLC0415 - --help must not wait for it

    asked = command.Asked(
        project=project,
        region=region,
        only=only or (),
        external=external or (),
        accept=accept or (),
        objects=objects,
        output=output,
        as_json=format_ is Format.JSON,
    )
    return command.doctor(asked)
