"""The partner API over stores in memory, as a process: ``python -m tests…partner_host PORT``."""

import sys

from deploy.cloudrun.api import serve
from tests.services.ingest.partners import Api

if __name__ == "__main__":
    api = Api(most_bytes=100_000)
    serve(api.app, host="127.0.0.1", port=int(sys.argv[1]))
    print(len(api.bus.events), api.process.flushed, flush=True)  # noqa: T201 - the test reads it
