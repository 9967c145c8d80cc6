"""File rules (Landlock) for a process that only reads its own code and libraries.

Source: Linux ``landlock(7)``. The system-call numbers are the same on every machine.
"""

import ctypes
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION_FLAG: Final = 1
_PATH_BENEATH: Final = 1

WRITE_FILE: Final = 1 << 1
READ_FILE: Final = 1 << 2
READ_DIRECTORY: Final = 1 << 3

# By ABI version: how many file rights the kernel knows.
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}
_FILE_RIGHTS_NOW: Final = 16
_NETWORK_ABI: Final = 4
_SCOPE_ABI: Final = 6


def ruleset_attributes(abi: int) -> bytes:
    """Return ``struct landlock_ruleset_attr``: everything is refused that ``abi`` can refuse."""
    rights = (1 << _FILE_RIGHTS.get(abi, _FILE_RIGHTS_NOW)) - 1
    attributes = struct.pack("=Q", rights)
    if abi >= _NETWORK_ABI:
        attributes += struct.pack("=Q", 0b11)  # bind and connect TCP
    if abi >= _SCOPE_ABI:
        attributes += struct.pack("=Q", 0b11)  # abstract sockets, signals to others
    return attributes


def restrict_files(libc: ctypes.CDLL, rules: Sequence[tuple[Path, int]]) -> bool:
    """Let the calling thread open only what ``rules`` allow, for good; say whether it holds.

    Needs ``PR_SET_NO_NEW_PRIVS`` first.

    Args:
        libc: the C library.
        rules: paths (with all beneath) and rights; a path that does not exist is left out.
    """
    abi = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if abi < 1:
        return False
    attributes = ruleset_attributes(abi)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return False
    try:
        for path, rights in rules:
            _allow(libc, ruleset, path, rights)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not path.is_dir():
            rights &= READ_FILE | WRITE_FILE
        rule = struct.pack("=Qi", rights, place)
        libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(place)
