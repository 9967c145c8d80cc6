"""One process of a site: ``python -m deploy.local.process --role work|keep``."""

import argparse
import gc
import os
import signal
from pathlib import Path
from types import FrameType

from deploy.local.house import House
from deploy.local.site import Site
from shared.logging import LogSettings, capture, get_logger
from shared.telemetry.log_events import LogEvent


class Stop:
    """Whether this process is to end: told by a signal, or orphaned.

    Args:
        parent: the supervisor's process id; it may have died before this process got here.
    """

    def __init__(self, parent: int) -> None:
        self._parent = parent
        self._told = False
        signal.signal(signal.SIGTERM, self._tell)
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __call__(self) -> bool:
        """Return True from the moment it is to end; a supervisor that died tells so too."""
        return self._told or os.getppid() != self._parent

    def _tell(self, _number: int, _frame: FrameType | None) -> None:
        self._told = True


def main() -> None:
    """Run one process until told to stop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--role", choices=("work", "keep"), required=True)
    parser.add_argument("--epoch", required=True)
    parser.add_argument("--parent", type=int, required=True)
    arguments = parser.parse_args()
    stop = Stop(arguments.parent)
    log = get_logger("supervisor")
    capture(log, level=LogSettings.from_environment().level)
    house = House(Site(arguments.data_dir), logger=get_logger)
    log.info(LogEvent.WORKER_STARTED)
    if arguments.role == "keep":
        from deploy.local.keeper import keep  # noqa: PLC0415 - a worker must not load its rooms

        keep(house, stop)
    else:
        from deploy.local.work import build_work  # noqa: PLC0415 - a keeper must not load models

        work = build_work(house, epoch=arguments.epoch)
        gc.freeze()  # what was built stays: no collection of garbage need look through it
        try:
            work.loop.run(stop)
        finally:
            work.close()
    house.tracing.close()
    log.info(LogEvent.WORKER_STOPPED)


if __name__ == "__main__":
    main()
