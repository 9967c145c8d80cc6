"""A deployment that smoke is sent to, and the command."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import smoke as command
from deploy.cli.smoke import FINE, Asked
from shared.clock import FakeClock
from tests.deploy.cli.smoke_deployment import Deployment


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    """Give one that is up."""
    made = Deployment(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do("GET")

        def do_POST(self) -> None:
            self._do("POST")

        def _do(self, method: str) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if flavor := self.headers.get("Metadata-Flavor"):
                made.flavors.append(flavor)
            made.seen.append((method, self.path, self.headers.get("Authorization")))
            path = re.sub(r"since=\d+&limit=\d+&cursor=c(\d+)", r"since=\1", self.path)
            status, answer = made.answer(method, path, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def run(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Give what runs the command: exit code, evidence, and what it said besides."""

    def run_command(**other: Any) -> tuple[int, dict[str, Any], str]:
        asked = {
            "submit": deployment.url,
            "auditor": deployment.url,
            "key": deployment.key,
            "within_s": 60.0,
            "as_json": True,
            **other,
        }
        code = command.smoke(tmp_path / "data", Asked(**asked), clock=FakeClock())
        out, err = capsys.readouterr()
        assert out.count("\n") == 1
        evidence: dict[str, Any] = json.loads(out)
        assert evidence["code"] == code
        assert evidence["verified"] is (code == FINE)
        assert err.count("\n") == (0 if code == FINE else 1)
        assert "Traceback" not in err
        return code, evidence, err

    return run_command
