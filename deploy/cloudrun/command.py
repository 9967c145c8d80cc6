"""A command of ``docledger`` as a Cloud Run job: ``python -m deploy.cloudrun.command ARGUMENTS``.

The proxy that logs in to the database runs beside it and does not end by itself: whatever becomes
of the command, the proxy is told to end, or the job would wait for it until its time is over. The
command is a process of its own, so that one which dies takes nobody with it.

Source: Cloud SQL Auth Proxy, ``--quitquitquit``.
"""

import signal
import subprocess
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException
from types import FrameType
from typing import Final

DOCLEDGER: Final = (sys.executable, "-m", "deploy.cli.main")

PROXY_PORT: Final = 9091
"""Where it takes ``/quitquitquit``: its admin port, which it does not move."""

ANSWER_S: Final = 5.0

_KILLED: Final = 128
"""Above it, the signal that ended a process: as shells count."""


def run(
    arguments: Sequence[str], *, command: Sequence[str] = DOCLEDGER, proxy_port: int = PROXY_PORT
) -> int:
    """Run a command to its end, and end the proxy; return the command's exit code.

    What Cloud Run sends to end this (SIGTERM) ends the command first.

    Args:
        arguments: of the command.
        command: what is run.
        proxy_port: on this machine.
    """
    asked: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        for one in started:
            one.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    try:
        with subprocess.Popen([*command, *arguments]) as running:  # noqa: S603 - ours; no shell reads it
            started.append(running)
            for sent in asked:  # before there was anybody to pass it on to
                running.send_signal(sent)
            code = running.wait()
    finally:  # it may not even have begun: no memory is left, or its arguments are too long
        _end(proxy_port)
    return code if code >= 0 else _KILLED - code


def _end(port: int) -> None:
    """Tell the proxy to end. One that does not answer is gone, or the job's timeout ends it."""
    connection = HTTPConnection("127.0.0.1", port, timeout=ANSWER_S)
    try:
        connection.request("POST", "/quitquitquit")
        connection.getresponse()
    except (OSError, HTTPException) as error:
        print(f"the database's proxy was not told to end: {type(error).__name__}", file=sys.stderr)  # noqa: T201 - the job's own line
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
