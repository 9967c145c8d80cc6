"""``docledger serve`` as a person types it."""

from typing import Annotated

import typer

from deploy.cli.command import friendly
from deploy.cli.options import DataDir, folder


def add_serving(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


@friendly
def serve(
    port: Annotated[int, typer.Option("--port", min=1, max=65_535, help="On 127.0.0.1.")] = 8080,
    data_dir: DataDir = None,
) -> None:
    """Open the logs to auditors on this machine: a page that proves entries in the browser."""
    from deploy.cli import serve as command  # noqa: PLC0415 - --help must not wait for it

    command.serve(folder(data_dir), port=port)
