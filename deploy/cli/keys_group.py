"""``docledger keys``: its options. What they do is imported when they do it."""

from typing import Annotated

import typer

from deploy.cli.command import Format, FormatOption, friendly
from deploy.cli.options import DataDir, folder

keys = typer.Typer(
    help="Keys of the logs, and the key that wraps all others: show, rotate, close, rewrap.",
    no_args_is_help=True,
)

Tenant = Annotated[
    str | None,
    typer.Option("--tenant", help="Whose log.", show_default="the only one there is"),
]


@keys.command("show")
@friendly
def show(data_dir: DataDir = None, format_: FormatOption = Format.TABLE) -> int:
    """Show each log's keys and their sizes, and how many keys each KEK version wraps."""
    from deploy.cli import keys as command  # noqa: PLC0415 - --help must not wait for it

    return command.show(folder(data_dir), as_json=format_ is Format.JSON)


@keys.command("rotate")
@friendly
def rotate(data_dir: DataDir = None, tenant: Tenant = None) -> int:
    """Let a new key join a log's; both sign until the older one is closed."""
    from deploy.cli import keys as command  # noqa: PLC0415 - --help must not wait for it

    return command.rotate(folder(data_dir), tenant)


@keys.command("rollback")
@friendly
def rollback(data_dir: DataDir = None, tenant: Tenant = None) -> int:
    """Take back a rotation while both keys sign: the newer key is closed."""
    from deploy.cli import keys as command  # noqa: PLC0415 - --help must not wait for it

    return command.rollback(folder(data_dir), tenant)


@keys.command("close")
@friendly
def close(
    key: Annotated[str, typer.Argument(help="The key's id, as 'keys show' says.")],
    data_dir: DataDir = None,
    tenant: Tenant = None,
    at: Annotated[
        int | None,
        typer.Option("--at", min=0, help="The last size it may sign.", show_default="now"),
    ] = None,
    compromised: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--compromised", help="Somebody else may have it.")
    ] = False,
) -> int:
    """End a key: signatures by it beyond a tree size count no more."""
    from deploy.cli import keys as command  # noqa: PLC0415 - --help must not wait for it

    return command.close(folder(data_dir), tenant, key, at=at, compromised=compromised)


@keys.command("rewrap")
@friendly
def rewrap(
    data_dir: DataDir = None,
    renew: Annotated[  # noqa: FBT002 - a flag
        bool,
        typer.Option("--renew", help="Make a new KEK version first, unless a rewrap is under way."),
    ] = False,
    destroy_old: Annotated[  # noqa: FBT002 - a flag
        bool, typer.Option("--destroy-old", help="Then destroy the versions that no key needs.")
    ] = False,
) -> int:
    """Wrap every document and tenant key again under the newest KEK version."""
    from deploy.cli import keys as command  # noqa: PLC0415 - --help must not wait for it

    return command.rewrap(folder(data_dir), renew=renew, destroy_old=destroy_old)
