"""gunicorn's threaded worker, with our way to begin and to end.

The arbiter imports this module too: nothing heavy is imported before the fork.
"""

import ctypes
import os
import queue
import signal
import sys
import threading
from typing import Any, Final

from gunicorn import util
from gunicorn.workers.gthread import ThreadWorker

BOOT_ERROR: Final = 3
"""gunicorn's own code for a worker that could not begin: its arbiter then ends too."""

END_S: Final = 1.5
"""After draining, for answers on their way; then the process ends whatever still runs in it."""

_PR_SET_PDEATHSIG: Final = 1
_BAD_REQUEST: Final = (400, "Bad Request")
_CRASHED: Final = (500, "Internal Server Error")


class Worker(ThreadWorker):  # type: ignore[misc] # gunicorn has no types
    """Builds its service before it takes requests, and drains it before it ends."""

    def init_process(self) -> None:
        """Begin, right after the fork."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != self.ppid:  # the arbiter died before we asked to be told
            sys.exit(0)
        self._asked_to_end: queue.SimpleQueue[int] = queue.SimpleQueue()
        threading.Thread(target=self._end_when_asked, name="drain", daemon=True).start()
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the application and build its service: what is misconfigured must not begin."""
        from deploy.cloudrun.host import TARGET, service  # noqa: PLC0415 - after the fork
        from shared.errors import UserError  # noqa: PLC0415 - after the fork

        super().load_wsgi()
        try:
            service(os.environ[TARGET])
        except UserError as error:
            sys.stderr.write(f"{error}\n")
            sys.exit(BOOT_ERROR)

    def handle_exit(self, sig: int, frame: object) -> None:
        """SIGTERM: drain, and only then stop listening, so that who still calls is told 503."""
        del frame
        self._asked_to_end.put(sig)  # a signal handler may take no lock

    def handle_quit(self, sig: int, frame: object) -> None:
        """SIGQUIT and SIGINT (a terminal's Ctrl-C) end it in the same order."""
        self.handle_exit(sig, frame)

    def handle_error(self, req: object, client: Any, addr: object, exc: BaseException) -> None:  # noqa: ANN401 - a socket, plain or wrapped
        """Answer what is no HTTP request, without an echo of it in the answer or in the log."""
        del addr
        status, reason = _BAD_REQUEST if req is None else _CRASHED
        self.log.warning("%s: %s", reason, type(exc).__name__)
        try:
            util.write_error(client, status, reason, "")
        except OSError:
            return  # who sent it has gone

    def _end_when_asked(self) -> None:
        sig = self._asked_to_end.get()
        from deploy.cloudrun.host import drain  # noqa: PLC0415 - after the fork

        try:
            drain()
        finally:
            last = threading.Timer(END_S, lambda: os._exit(0))
            last.daemon = True
            last.start()
            super().handle_exit(sig, None)
