"""``docledger up``: watch an inbox folder, work until interrupted, drain."""

import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

from deploy.cli.opened import only_in_a_folder
from deploy.cli.screen import safe, table, to_stderr
from deploy.cli.settings import check_settings
from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.inbox_folder import InboxFolder
from deploy.local.site import Site, running
from deploy.local.supervisor import supervisor_of
from shared.errors import TransientError, UserError

if TYPE_CHECKING:
    from deploy.local.backing import Backing
    from shared.settings import Settings

LOOK_S: Final = 0.5


def up(data_dir: Path, inbox: Path | None, *, workers: int) -> int:
    """Run on the embedded bus until SIGINT or SIGTERM; what is in hand is finished first."""
    site, folder = _prepared(data_dir, inbox)
    house = House(site)
    told = _told_to_end()
    with running(site):
        house.bus.release_leases()
        supervisor = supervisor_of(house, workers=workers)
        supervisor.start()
        try:
            _watch(house, folder, told, tend=supervisor.tend)
        finally:
            to_stderr().print("draining")
            supervisor.stop()
    return 0


def up_on_pubsub(data_dir: Path, inbox: Path | None) -> int:
    """Run every deployable over the emulators until SIGINT or SIGTERM; then drain them."""
    from deploy.local.pubsub_site import SETTINGS, PubsubSite  # noqa: PLC0415 - clients are slow

    site, folder = _prepared(data_dir, inbox, also=SETTINGS)
    if site.bus.exists():
        raise UserError(
            f"{site.folder} is on the embedded bus; name another folder with --data-dir"
        )
    told = _told_to_end()
    console = to_stderr()
    with running(site):
        pubsub = PubsubSite(site)
        with pubsub.started(lambda line: console.print(safe(line))) as backing:
            console.print(_deployables(backing))
            _watch(House(site), folder, told, tend=pubsub.tend)
            console.print("draining")
    return 0


def _prepared(
    data_dir: Path, inbox: Path | None, *, also: Iterable["type[Settings]"] = ()
) -> tuple[Site, Path]:
    only_in_a_folder("up")
    check_settings(also)
    site = Site(data_dir)
    site.create()
    folder = inbox or site.folder / "inbox"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UserError(f"cannot make the inbox {folder}: {err.strerror}; name another") from err
    return site, folder


def _told_to_end() -> list[int]:
    """Return a list that a signal to end appears in."""
    told: list[int] = []

    def tell(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    return told


def _watch(house: House, folder: Path, told: list[int], *, tend: Callable[[], None]) -> None:
    """Take in what is dropped in the folder, and tend the processes, until told to end."""
    console = to_stderr()
    console.print(safe(f"watching {folder}; interrupt to drain and stop"))
    watched = InboxFolder(folder, entrance_of(house, "folder"))
    while not told:
        try:
            for path, reason in watched.look():
                # a name is for the person who looks, not for a service's journal
                name = path.name if console.is_terminal else "a file"
                console.print(safe(f"{name}: {reason.value if reason else 'taken'}"))
        except TransientError as error:
            console.print(safe(f"not now: {error}; it is tried again"))
        tend()
        house.clock.sleep(LOOK_S)


def _deployables(backing: "Backing") -> object:
    rows = [(name, backing.url(name), "ready") for name in backing.services]
    rows += [
        ("Pub/Sub emulator", backing.pubsub, f"project {backing.project}"),
        ("Cloud Storage emulator", backing.storage, f"drop files in gs://{backing.uploads}"),
    ]
    return table("Deployables", ("!name", "address", "state"), rows)
