"""Options that many commands share, and the data folder that a person chose."""

from pathlib import Path
from typing import Annotated

import typer

_chosen: dict[str, Path] = {}
_tenant: list[str] = []

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where everything lies.", show_default=".docledger"),
]
Workers = Annotated[
    int, typer.Option("--workers", min=1, max=64, help="Processes that take documents.")
]
Document = Annotated[
    str,
    typer.Argument(
        help="Its id, or the id's first characters; or its file, which is known by its content."
    ),
]


def choose(data_dir: Path | None, tenant_name: str | None = None) -> None:
    """Remember the global ``--data-dir`` and ``--tenant``."""
    _chosen.clear()
    _tenant.clear()
    if data_dir is not None:
        _chosen["data_dir"] = data_dir
    if tenant_name:
        _tenant.append(tenant_name)


def tenant() -> str | None:
    """Return the tenant that a person named, if any."""
    return _tenant[0] if _tenant else None


def folder(data_dir: Path | None) -> Path:
    """Return the data folder: the command's own option, the global one, or the default."""
    return data_dir or _chosen.get("data_dir") or Path(".docledger")
