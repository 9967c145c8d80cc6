"""The child: gives everything up, then runs one task after the other until the pool hangs up.

Started as ``python -m shared.sandbox.child PARENT ROOT PACKAGES LIMITS`` with a Unix socket as its
standard input.
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from shared.errors import PermanentError
from shared.sandbox.confine import confine, limit_processor_time
from shared.sandbox.frames import Request, Status, receive_request, send_reply
from shared.sandbox.port import Limits

Task = Callable[[bytes, dict[str, Any]], bytes]


def load(name: str, loaded: dict[str, Task]) -> Task:
    """Return the function ``package.module:function``, imported once."""
    if name not in loaded:
        module, _, function = name.partition(":")
        loaded[name] = cast("Task", getattr(importlib.import_module(module), function))
    return loaded[name]


def answer(request: Request, loaded: dict[str, Task]) -> tuple[Status, bytes]:
    """Run one task; whatever it raises becomes a code or a type's name, never a message."""
    try:
        if request.task not in loaded:
            load(request.task, loaded)
            gc.freeze()  # libraries stay: no collection of garbage need look through them
        return Status.DONE, loaded[request.task](request.content, request.parameters)
    except PermanentError as err:
        return Status.PERMANENT, err.reason.value.encode()
    except MemoryError:
        return Status.EXHAUSTED, b""
    except Exception as err:  # noqa: BLE001 - the pool decides; only the type may cross
        return Status.FAILED, type(err).__name__.encode()


def serve(connection: socket.socket, before_each: Callable[[], None], held: list[str]) -> None:
    """Say what holds, then answer requests until the pool hangs up or memory ran out."""
    loaded: dict[str, Task] = {}
    send_reply(connection, Status.READY, json.dumps(held).encode())
    try:
        while (request := receive_request(connection)) is not None:
            before_each()
            status, payload = answer(request, loaded)
            del request
            send_reply(connection, status, payload)
            if status is Status.EXHAUSTED:
                return
    except MemoryError:
        send_reply(connection, Status.EXHAUSTED)


def main(arguments: list[str]) -> None:
    """Confine this process and serve."""
    parent, root, packages, limits_json = arguments
    # A terminal's Ctrl-C or a supervisor's SIGTERM to the group is the pool's to act upon: a
    # child that died of it would look like a document that kills its parser.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    limits = Limits(**json.loads(limits_json))
    connection = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    held = confine(limits, parent=int(parent), root=Path(root), packages=packages.split(","))
    serve(connection, lambda: limit_processor_time(limits.cpu_s, time.process_time()), held)


if __name__ == "__main__":
    main(sys.argv[1:])
