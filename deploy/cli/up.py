"""``docledger up``: watch an inbox folder, work until interrupted, drain."""

import signal
from pathlib import Path
from types import FrameType
from typing import Final

from deploy.cli.screen import safe, to_stderr
from deploy.cli.settings import check_settings
from deploy.local.entrance import entrance_of
from deploy.local.house import House
from deploy.local.inbox_folder import InboxFolder
from deploy.local.site import Site, running
from deploy.local.supervisor import supervisor_of
from shared.errors import TransientError, UserError

LOOK_S: Final = 0.5


def up(data_dir: Path, inbox: Path | None, *, workers: int) -> int:
    """Run until SIGINT or SIGTERM; then let the workers finish what they have in hand."""
    check_settings()
    site = Site(data_dir)
    site.create()
    folder = inbox or site.folder / "inbox"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise UserError(f"cannot make the inbox {folder}: {err.strerror}; name another") from err
    house = House(site)
    told: list[int] = []

    def tell(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, tell)
    console = to_stderr()
    with running(site):
        house.bus.release_leases()
        supervisor = supervisor_of(house, workers=workers)
        supervisor.start()
        console.print(safe(f"watching {folder}; interrupt to drain and stop"))
        watched = InboxFolder(folder, entrance_of(house, "folder"))
        try:
            while not told:
                try:
                    for path, reason in watched.look():
                        # a name is for the person who looks, not for a service's journal
                        name = path.name if console.is_terminal else "a file"
                        console.print(safe(f"{name}: {reason.value if reason else 'taken'}"))
                except TransientError as error:
                    console.print(safe(f"not now: {error}; it is tried again"))
                supervisor.tend()
                house.clock.sleep(LOOK_S)
        finally:
            console.print("draining")
            supervisor.stop()
    return 0
