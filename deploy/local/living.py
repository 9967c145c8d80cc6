"""Whether a process of this machine, of ours, still runs."""

import os
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
