"""Opening what a person names: a data folder, or the project that the settings name."""

import os
from pathlib import Path
from typing import Final

from deploy.cli.options import tenant
from deploy.cloudrun.settings import PlatformSettings
from deploy.local.house import DEFAULT_TENANT, House
from deploy.local.site import Site
from shared.errors import UserError
from shared.production import JOB

PROJECT: Final = PlatformSettings.variable("project")


def house_of(data_dir: Path) -> House:
    """Return the house in ``data_dir``, or of the project that ``DOCLEDGER_PROJECT`` names.

    Raises:
        UserError: there is none.
    """
    site = Site(data_dir)
    project = _project(data_dir)
    if project is None:
        site.require()
    return House(
        site, tenant=tenant() or DEFAULT_TENANT, project=project, logged=JOB in os.environ
    )  # what a job prints is logged


def open_house(data_dir: Path) -> House:
    """Return the same, once what it stands on answers.

    Raises:
        UserError: there is none, or what it stands on is not up.
    """
    house = house_of(data_dir)
    if house.backing is not None and not house.backing.answers():
        raise UserError(f"{data_dir} is on Pub/Sub, and not up: 'docledger up --bus pubsub' first")
    return house


def open_desk(data_dir: Path) -> House:
    """Return the same, for a command that shows content, or by which a person decides.

    Raises:
        UserError: as ``open_house``; or the command runs as a job.
    """
    not_in_a_job()
    return open_house(data_dir)


def on_a_project() -> bool:
    """Tell whether no folder is meant: in a job, or where a project is named."""
    return JOB in os.environ or bool(os.environ.get(PROJECT))


def not_in_a_job() -> None:
    """Insist that nobody writes down what is typed and shown.

    Raises:
        UserError: the command runs as a job.
    """
    if JOB in os.environ:
        raise UserError(
            "this command is not for a job, whose arguments and output are logged and whose caller "
            "it does not know: run it under your own login (docs/operations.md)"
        )


def only_in_a_folder(command: str) -> None:
    """Insist that a person who names a project does not work in a folder by mistake.

    Raises:
        UserError: ``DOCLEDGER_PROJECT`` is set.
    """
    if os.environ.get(PROJECT):
        raise UserError(
            f"{PROJECT} is set, and 'docledger {command}' works in a folder: unset it, or hand "
            "documents in at the project's bucket or API"
        )


def _project(data_dir: Path) -> PlatformSettings | None:
    if not os.environ.get(PROJECT):
        return None
    folder = {PlatformSettings.variable("data_dir"): str(data_dir)}
    return PlatformSettings.from_environment({**os.environ, **folder})
