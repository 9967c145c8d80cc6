"""A system-call filter (seccomp-bpf) for a process that only computes.

It refuses what a parser never needs and an exploit wants: sockets, new processes, other processes'
memory, namespaces, mounts. Threads stay possible. Source: Linux ``seccomp(2)``; the numbers are the
kernel's for each machine.
"""

import ctypes
import errno
import platform
import struct
from typing import Final

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_KILL: Final = 0x80000000
_EPERM: Final = _ERRNO | errno.EPERM
_ENOSYS: Final = _ERRNO | errno.ENOSYS

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL: Final = 0x15
_JUMP_GREATER_EQUAL: Final = 0x35
_JUMP_SET: Final = 0x45
_RETURN: Final = 0x06

# Offsets in struct seccomp_data.
_NUMBER: Final = 0
_MACHINE: Final = 4
_ARGUMENT_0: Final = 16  # its low half: both machines are little-endian

_CLONE_THREAD: Final = 0x00010000
_X32: Final = 0x40000000

_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

# Each machine: its audit architecture, its column in the table below.
_MACHINES: Final = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_CLONE: Final = (56, 220)
_CLONE3: Final = 435
_PRLIMIT64: Final = (302, 261)
_REFUSED: Final[dict[str, tuple[int | None, int | None]]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "accept": (43, 202),
    "accept4": (288, 242),
    "bind": (49, 200),
    "listen": (50, 201),
    "fork": (57, None),
    "vfork": (58, None),
    "execve": (59, 221),
    "execveat": (322, 281),
    "kill": (62, 129),
    "tkill": (200, 130),
    "pidfd_send_signal": (424, 424),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "io_uring_setup": (425, 425),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_by_handle_at": (304, 265),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
}


def _instruction(code: int, value: int, *, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("=HBBI", code, yes, no, value)


def filter_program(machine: str) -> bytes | None:
    """Return the filter for ``machine`` (``platform.machine()``), or None where we have none."""
    if machine not in _MACHINES:
        return None
    architecture, column = _MACHINES[machine]
    program = [
        _instruction(_LOAD, _MACHINE),
        _instruction(_JUMP_EQUAL, architecture, yes=1),
        _instruction(_RETURN, _KILL),
        _instruction(_LOAD, _NUMBER),
        _instruction(_JUMP_GREATER_EQUAL, _X32, no=1),
        _instruction(_RETURN, _KILL),
        # glibc falls back to clone, whose flags a filter can see.
        _instruction(_JUMP_EQUAL, _CLONE3, no=1),
        _instruction(_RETURN, _ENOSYS),
    ]
    for numbers in _REFUSED.values():
        number = numbers[column]
        if number is None:
            continue
        program += [_instruction(_JUMP_EQUAL, number, no=1), _instruction(_RETURN, _EPERM)]
    program += [
        # A thread, but no process.
        _instruction(_JUMP_EQUAL, _CLONE[column], no=4),
        _instruction(_LOAD, _ARGUMENT_0),
        _instruction(_JUMP_SET, _CLONE_THREAD, yes=1),
        _instruction(_RETURN, _EPERM),
        _instruction(_RETURN, _ALLOW),
        # Its own limits, but nobody else's.
        _instruction(_JUMP_EQUAL, _PRLIMIT64[column], no=3),
        _instruction(_LOAD, _ARGUMENT_0),
        _instruction(_JUMP_EQUAL, 0, yes=1),
        _instruction(_RETURN, _EPERM),
        _instruction(_RETURN, _ALLOW),
    ]
    return b"".join(program)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def restrict_calls(libc: ctypes.CDLL) -> bool:
    """Filter the calling thread (and the threads it will start) for good; say whether it holds.

    Needs ``PR_SET_NO_NEW_PRIVS`` first.
    """
    program = filter_program(platform.machine())
    if program is None:
        return False
    fprog = _Program(len(program) // 8, program)
    answer: int = libc.prctl(
        _PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.byref(fprog), 0, 0
    )
    return answer == 0
