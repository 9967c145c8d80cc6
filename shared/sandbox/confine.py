"""What a child gives up before it sees a foreign byte.

What holds where:

- everywhere: limits on memory, processor time, file size (0), descriptors and core dumps; a clean
  environment, no inherited descriptors, an empty working directory; an audit hook that refuses
  sockets, new processes and writing through Python;
- Linux: the child dies with its parent, also at ``kill -9``;
- Linux that allows user namespaces: a network namespace without any interface (native code
  included);
- Linux on x86-64 and arm64: a system-call filter: no sockets, no new processes, no look at others
  (native code included);
- Linux with Landlock: only Python, its libraries and our code can be read, nothing written; so key
  files and databases are out of reach of native code too.

A pool's ``protections()`` says which of these hold on this machine.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from shared.sandbox.landlock import READ_DIRECTORY, READ_FILE, WRITE_FILE, restrict_files
from shared.sandbox.port import Limits
from shared.sandbox.seccomp import restrict_calls

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_MIB: Final = 1 << 20

_READ: Final = READ_FILE | READ_DIRECTORY
_SYSTEM: Final = (
    *("/usr", "/lib", "/lib64", "/nix/store", "/etc/ld.so.cache", "/etc/fonts", "/etc/localtime"),
    *("/dev/urandom", "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"),
    *("/sys/devices/system", "/sys/fs/cgroup"),
)
"""Libraries, fonts and what a maths library asks about the machine."""

_FORBIDDEN_EVENTS: Final = (
    *("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.system", "os.spawn"),
    *("os.kill", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink"),
)
_WRITE_FLAGS: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def limit_resources(
    limits: Limits,
    set_limit: Callable[[int, tuple[int, int]], None] = resource.setrlimit,
) -> None:
    """Set the limits that last the child's whole life."""
    memory = limits.memory_mb * _MIB
    set_limit(resource.RLIMIT_AS, (memory, memory))
    set_limit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    set_limit(resource.RLIMIT_FSIZE, (0, 0))
    set_limit(resource.RLIMIT_CORE, (0, 0))


def limit_processor_time(
    seconds: int,
    used: float,
    set_limit: Callable[[int, tuple[int, int]], None] = resource.setrlimit,
) -> None:
    """Allow ``seconds`` more than the ``used`` ones; past it the kernel ends the child (SIGXCPU).

    The kernel counts whole seconds, so a task gets up to one second more.
    """
    set_limit(resource.RLIMIT_CPU, (int(used) + seconds + 1, resource.RLIM_INFINITY))


def die_with_parent(libc: ctypes.CDLL, parent: int) -> bool:
    """Ask the kernel for SIGKILL when the thread that started this process ends."""
    held: bool = libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) == 0
    if os.getppid() != parent:  # it died before we asked
        raise SystemExit
    return held


def leave_network(libc: ctypes.CDLL) -> bool:
    """Move into a network namespace that has no interface; needs a process of one thread."""
    return bool(
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0 or libc.unshare(_CLONE_NEWNET) == 0
    )


def readable(root: Path, packages: Sequence[str]) -> list[tuple[Path, int]]:
    """Return what a child may open: Python, system libraries, and our ``packages`` under ``root``.

    ``root`` itself may be listed (imports do), not read: a data folder may lie beside the code.
    """
    paths = {Path(sys.prefix), Path(sys.base_prefix), *map(Path, _SYSTEM)}
    paths |= {Path(entry) for entry in sys.path if entry and Path(entry) != root}
    paths |= {root / package for package in packages}
    rules = [(path, _READ) for path in sorted(paths)]
    return [*rules, (root, READ_DIRECTORY), (Path("/dev/null"), READ_FILE | WRITE_FILE)]


def refuse_event(event: str, arguments: tuple[object, ...]) -> None:
    """Audit hook (PEP 578): refuse what no task of ours does in Python.

    Raises:
        PermissionError: a socket, a process, or a file opened for writing.
    """
    if event.startswith(_FORBIDDEN_EVENTS):
        raise PermissionError(event)
    if event == "open" and arguments[0] != os.devnull:
        flags = arguments[2]
        if isinstance(flags, int) and flags & _WRITE_FLAGS:
            raise PermissionError(event)


def confine(limits: Limits, *, parent: int, root: Path, packages: Sequence[str]) -> list[str]:
    """Give everything up, in the order that works; return the names of what holds."""
    rules = readable(root, packages)
    held = ["limits", "audit_hook"]
    limit_resources(limits)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        steps: list[tuple[str, Callable[[], bool]]] = [
            ("network_namespace", lambda: leave_network(libc)),
            ("dies_with_parent", lambda: die_with_parent(libc, parent)),
            ("no_new_privileges", lambda: libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0),
            ("files", lambda: restrict_files(libc, rules)),
            ("calls", lambda: restrict_calls(libc)),
        ]
        held += [name for name, step in steps if step()]
    sys.addaudithook(refuse_event)
    return held
