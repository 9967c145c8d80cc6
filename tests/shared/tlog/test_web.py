import datetime as dt
import ipaddress
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from shared.tlog.errors import MalformedError, NotFoundError, TlogError, UnavailableError
from shared.tlog.reader import Distant, Listing
from shared.tlog.signer import Ed25519Signer
from shared.tlog.tiles import TILE_BYTES
from shared.tlog.verify import verify_log
from shared.tlog.web import CONNECTIONS, TRIES, WebReader
from tests.shared.tlog.naive import NaiveLog
from tests.shared.tlog.served import (
    Answer,
    Served,
    body,
    chunked,
    cut,
    dripping,
    endless,
    serving,
    status,
    trickling,
    unmeasured,
)
from tests.waiting import PATIENCE_S

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture(scope="module")
def log(signer: Ed25519Signer, some_leaves: list[bytes]) -> NaiveLog:
    """A log of some bundles, with partial tiles at its edge."""
    return NaiveLog(signer, some_leaves[:5000])


@pytest.fixture
def served(log: NaiveLog) -> Iterator[Served]:
    """That log on a web server."""
    with serving(log.files) as server:
        yield server


@pytest.fixture
def reader(served: Served) -> Iterator[WebReader]:
    """A reader that waits for nothing."""
    web = WebReader(served.url, pause=lambda _: None, timeout_s=PATIENCE_S)
    yield web
    web.close()


def test_a_log_on_a_web_server_verifies(
    served: Served, reader: WebReader, signer: Ed25519Signer
) -> None:
    """Each file is asked for once, over a few connections that are used again."""
    assert verify_log(reader, signer.key).size == 5000
    assert isinstance(reader, Distant)
    assert not isinstance(reader, Listing)
    assert set(served.asked) == set(served.files)
    assert set(served.asked.values()) == {1}
    assert served.connections <= CONNECTIONS + 1


def test_only_what_is_new_is_asked_for(
    served: Served, reader: WebReader, log: NaiveLog, signer: Ed25519Signer
) -> None:
    """Coming back costs the new bundles and one tile a level, not the whole log again."""
    seen = log.checkpoint_at(signer, 4700)
    verified = verify_log(reader, signer.key, since=seen)
    assert (verified.size, verified.read) == (5000, 300)
    bundles = {path for path in served.asked if path.startswith("tile/entries/")}
    assert bundles == {"tile/entries/018", "tile/entries/019.p/136"}
    assert served.asked.total() <= 8


def test_damage_far_away_is_named_as_it_is_nearby(
    served: Served, reader: WebReader, signer: Ed25519Signer
) -> None:
    """Reading ahead changes neither the order nor the words of what is found."""
    data = bytearray(served.files["tile/entries/007"])
    data[5] ^= 1
    served.files["tile/entries/007"] = bytes(data)
    with pytest.raises(TlogError, match=r"tile/0/007: differs from the entries \(leaf 1792\)"):
        verify_log(reader, signer.key)
    del served.files["tile/entries/003"]
    with pytest.raises(TlogError, match=r"tile/entries/003: is missing \(leaf 768\)"):
        verify_log(reader, signer.key)


def test_a_server_that_is_busy_is_asked_again(
    served: Served, reader: WebReader, signer: Ed25519Signer
) -> None:
    """One bad moment in thousands of requests must not end a verification."""
    busy = [status(503), status(429), cut(b"half"), None]

    def answer(request: object) -> None:
        now = busy.pop(0)
        if now is None:
            del served.answers["tile/0/004"]
            body(request, served.files["tile/0/004"])  # type: ignore[arg-type]
        else:
            now(request)  # type: ignore[arg-type]

    served.answers["tile/0/004"] = answer
    assert verify_log(reader, signer.key).size == 5000


@pytest.mark.parametrize(
    "answer", [status(500), status(503), cut(b"half"), unmeasured, status(429)]
)
def test_an_outage_says_nothing_about_the_log(
    served: Served, reader: WebReader, answer: Answer
) -> None:
    """Not being able to look is no finding, and the answer's own words are never repeated."""
    served.answers["checkpoint"] = answer
    with pytest.raises(UnavailableError) as caught:
        reader.read("checkpoint")
    assert served.asked["checkpoint"] == TRIES
    assert "secret" not in str(caught.value)
    assert "half" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (status(302, Location="http://127.0.0.1:1/elsewhere"), "redirects are not followed"),
        (status(401), "a token is missing"),
        (status(403), "a token is missing"),
        (status(400), "answers 400"),
        (status(204), "answers 204"),
    ],
)
def test_an_answer_that_is_no_file_is_not_one(
    served: Served, reader: WebReader, answer: Answer, told: str
) -> None:
    """A redirect could lead anywhere, into the verifier's own network too."""
    served.answers["checkpoint"] = answer
    with pytest.raises(UnavailableError, match=told):
        reader.read("checkpoint")
    assert served.asked.total() == 1


def test_an_encoded_answer_is_refused(served: Served, reader: WebReader) -> None:
    """What is small compressed may be endless unpacked."""
    served.answers["checkpoint"] = lambda request: body(request, b"x", Content_Encoding="gzip")
    with pytest.raises(UnavailableError, match="encodes what should be plain"):
        reader.read("checkpoint")


def test_a_file_that_is_not_there_is_told_apart(reader: WebReader) -> None:
    """The log lacks it: that is a finding."""
    with pytest.raises(NotFoundError):
        reader.read("tile/0/999")


def test_a_file_without_end_is_not_read_to_its_end(served: Served, reader: WebReader) -> None:
    """Memory stays bounded whatever the server sends, announced or not."""
    served.answers["tile/0/000"] = endless
    with pytest.raises(MalformedError, match="larger than any file"):
        reader.read("tile/0/000")
    served.answers["tile/0/000"] = lambda request: body(request, bytes(TILE_BYTES + 1))
    with pytest.raises(MalformedError, match="larger than any file"):
        reader.read("tile/0/000")


@pytest.mark.parametrize("answer", [dripping, trickling])
def test_a_server_that_drips_does_not_hold_anybody(served: Served, answer: Answer) -> None:
    """Every piece comes in time, and the file never does."""
    served.answers["checkpoint"] = answer
    with (
        closing(WebReader(served.url, file_s=0.2, pause=lambda _: None)) as slow,
        pytest.raises(UnavailableError, match=r"can't be reached|how long|hung up"),
    ):
        slow.read("checkpoint")


def test_chunks_are_read(served: Served, reader: WebReader) -> None:
    """Servers that compress or stream do not say how long a file is."""
    served.answers["tile/0/000"] = chunked(served.files["tile/0/000"])
    assert reader.read("tile/0/000") == served.files["tile/0/000"]
    assert reader.read("tile/0/000") == served.files["tile/0/000"]


def test_a_server_that_is_not_there_is_unavailable(log: NaiveLog) -> None:
    """Nobody listens: that is an outage."""
    with serving(log.files) as served:
        url = served.url
    paused: list[float] = []
    with pytest.raises(UnavailableError, match=r"checkpoint: can't be reached \(Connection"):
        WebReader(url, pause=paused.append).read("checkpoint")
    assert paused == [0.25, 1.0, 4.0]


def test_tls_is_checked(
    log: NaiveLog, signer: Ed25519Signer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that nobody vouches for is not read; one that the machine trusts is."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "logs.example")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with serving(log.files, context) as served:
        with (
            closing(WebReader(served.url, pause=lambda _: None)) as wary,
            pytest.raises(UnavailableError, match="SSLCertVerificationError"),
        ):
            wary.read("checkpoint")
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        with closing(WebReader(served.url, token="t0ken")) as trusting:
            assert verify_log(trusting, signer.key).size == 5000
        assert served.tokens == {"Bearer t0ken"}


def test_a_token_goes_to_who_wants_one(served: Served) -> None:
    """An auditor API asks who is reading."""
    for token in ("t0ken", None):
        with closing(WebReader(served.url, token=token)) as reader:
            reader.read("checkpoint")
    assert served.tokens == {"Bearer t0ken", None}


@pytest.mark.parametrize(
    "url",
    [
        "ftp://logs.example/acme",
        "logs.example/acme",
        "https://",
        "https://user:hunter2@logs.example/acme",
        "https://logs.example/acme?x=1",
        "https://logs.example/acme#x",
        "https://logs.example:port/acme",
        "https://logs.example/\nHost: other",
        "http://[::1",
    ],
)
def test_a_url_that_is_none_of_a_log_is_refused(url: str) -> None:
    """Nothing may be smuggled into a request, and no password belongs on a command line."""
    with pytest.raises(MalformedError) as caught:
        WebReader(url)
    assert "hunter2" not in str(caught.value)


def test_a_token_does_not_travel_in_the_open() -> None:
    """Who reads along would be an auditor, too."""
    with pytest.raises(MalformedError, match="over https"):
        WebReader("http://logs.example/acme", token="t0ken")
