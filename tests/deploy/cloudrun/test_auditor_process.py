"""The auditor API, exactly as it is deployed: real sockets and real bytes."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.ledger.adapters.published_folder import PublishedFolder
from shared.tlog.verify import verify_log
from shared.tlog.web import WebReader
from tests.deploy.cloudrun.wire import ask, running
from tests.services.ledger.test_api import LEAVES, publish

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Publish a log."""
    folder = tmp_path_factory.mktemp("site")
    publish(folder, "acme", LEAVES)
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Run the API."""
    with running(
        *("-m", "deploy.cloudrun.api", "ledger-api", "--port", "{port}"),
        DOCLEDGER_PROJECT="docledger-test",
        DOCLEDGER_OBJECTS_BUCKET="docledger-test",
        DOCLEDGER_DATA_DIR=str(folder),
        DOCLEDGER_UNSAFE_NO_API_AUTH="true",
        DOCLEDGER_LEDGER_API_READERS="anybody=acme",
    ) as (_, found):
        yield found


def test_log_verifies_straight_from_the_server(port: int, folder: Path) -> None:
    """The verifier reads a log wherever it is published, so a web server is a log."""
    published = PublishedFolder(folder / "log").log_of("acme")
    assert published is not None
    with closing(WebReader(f"http://127.0.0.1:{port}/log/acme")) as reader:
        assert verify_log(reader, published.key).size == len(LEAVES)


@pytest.mark.parametrize(
    "path",
    [
        "/log/acme/../../signers/acme.pem",
        "/log/acme/%2e%2e/%2e%2e/signers/acme.pem",
        "/log/acme/..%2f..%2fsigners%2facme.pem",
        "/log/acme/%252e%252e%252fsigners",
        "/log/..%2fsigners/acme.pem",
        "/log/acme/checkpoint%00",
        "/log/acme/checkpoint%0a",
        "/log/acme//checkpoint",
        "/log/acme/%2fetc%2fpasswd",
        "/log/%2e%2e/acme.vkey",
        "//log/acme/checkpoint",
        "/log\\acme\\checkpoint",
    ],
)
def test_path_on_the_wire_reaches_no_other_file(port: int, path: str) -> None:
    """A client library tidies paths before it sends them; an attacker does not."""
    assert ask(port, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()) == 404
    assert ask(port, b"GET /log/acme/checkpoint HTTP/1.1\r\nHost: x\r\n\r\n") == 200


def test_it_is_ready_and_shows_its_figures(port: int) -> None:
    """The platform asks these before it sends anybody."""
    base = f"http://127.0.0.1:{port}"
    httpx.get(f"{base}/v1/tenants/acme/entries").raise_for_status()
    assert httpx.get(f"{base}/ready").json() == {"code": "ok"}
    assert 'operation="list_entries"' in httpx.get(f"{base}/metrics").text
