"""How gunicorn hosts one worker: ``gunicorn -c python:deploy.cloudrun.gunicorn_conf``.

Reads ``PORT``, ``FUNCTION_TARGET`` and ``DOCLEDGER_PUSH_CONCURRENCY``. What each value is for
stands beside it; ADR 12 has the figures.
"""

import os
from pathlib import Path
from typing import Final

DEFAULT_CONCURRENCY: Final = 8
SPARE_THREADS: Final = 4
"""Beside one a delivery: they answer probes, and 429 to whatever comes when all are taken."""

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - gunicorn's heartbeat file must not wait for a disk

wsgi_app = "deploy.cloudrun.host:application()"
worker_class = "deploy.cloudrun.gunicorn_worker.Worker"
proc_name = f"docledger-{os.environ.get('FUNCTION_TARGET', '')}"

# On Cloud Run its front end is the only one that can call; elsewhere this machine is.
bind = f"{'0.0.0.0' if 'K_SERVICE' in os.environ else '127.0.0.1'}:{os.environ.get('PORT', '8080')}"  # noqa: S104 - see above

# One process: one set of clients, caches and sandboxes. Cloud Run adds instances.
workers = 1
threads = int(os.environ.get("DOCLEDGER_PUSH_CONCURRENCY") or DEFAULT_CONCURRENCY) + SPARE_THREADS
# Connections beyond threads wait as sockets, unread.
worker_connections = 1_024
# Longer than front ends and load balancers keep an idle connection.
keepalive = 75

# A frozen instance (no request, no CPU) thaws with an old heartbeat: no watchdog.
timeout = 0
# Draining takes 8 s, and Cloud Run kills after 10.
graceful_timeout = 10

# A push's path is short; its token about a kilobyte.
limit_request_line = 2_048
limit_request_fields = 64
limit_request_field_size = 8_190

# Nobody's headers change who called or what for.
forwarded_allow_ips = ""
forwarder_headers = ""

accesslog = None  # Cloud Run has its own, and the worker tells of every delivery
errorlog = "-"
loglevel = "warning"  # at DEBUG it tells every request as it came
control_socket_disable = True
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None
