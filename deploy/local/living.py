"""Who of this machine still runs: processes of ours, and the run that they belong to."""

import os
from dataclasses import dataclass
from pathlib import Path


def runs(pid: int) -> bool:
    """Tell whether a process that we started once still runs.

    One that ended and that nobody has waited for does not, though the kernel still knows its id:
    so it is in a container whose first process is no init. An id that is somebody else's by now
    is not ours any more.
    """
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    try:
        told = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return True  # no such folder here: what the kernel said must do
    return told.rpartition(b")")[2].split()[0] != b"Z"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a supervisor, as the holders of its leases name it: ``<epoch>.<process id>``.

    Attributes:
        epoch: the name of the run; empty where no supervisor shares the machine with its processes
            (Cloud Run), and nobody can tell who has ended.
    """

    epoch: str

    @property
    def named(self) -> bool:
        """Whether all processes share one machine and its supervisor."""
        return bool(self.epoch)

    @property
    def holder(self) -> str:
        """Who holds this process's leases."""
        return f"{self.epoch}.{os.getpid()}"

    def abandoned(self, holder: str) -> bool:
        """Tell whether a lease's holder is gone, where that can be known."""
        if not self.named:
            return False
        return self.excused(holder) or not runs(int(holder.rpartition(".")[2]))

    def excused(self, holder: str) -> bool:
        """Tell whether a holder ended together with its whole run: its work is not to blame."""
        return self.named and holder.rpartition(".")[0] != self.epoch
