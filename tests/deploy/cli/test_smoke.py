"""One known document through the live path, and everything that may become of it."""

import base64
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from deploy.cli import smoke as command
from deploy.cli.main import main
from deploy.cli.smoke import FINE, NOT_POSTED, UNREACHABLE, WRONG, Asked
from deploy.cli.smoke_invoice import new_invoice
from deploy.cli.smoke_tokens import token_for
from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_files import DirectoryFiles
from services.ledger.publication import Publication
from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo
from shared.tlog.proof import verify_proof
from shared.tlog.signer import Ed25519Signer

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

ORIGIN = "docledger.example/log/smoke"
JOB = "ab" * 20
TOKEN = "t0ken-that-nobody-may-see"
Entry = dict[str, Any]


class Deployment:
    """Both APIs of a deployment over a real log; it posts what is handed in, if it is told to.

    Attributes:
        posts: whether the document comes to the books.
        alter: changes the entry before it is sealed.
        job: what the partner API says of the job.
        answers: by path: a status, or a body, instead of the true answer.
        once: statuses that the next requests get.
        seen: every request: method, path, token.
        flavors: what requests to the metadata server say, so that no page can make them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.posts = True
        self.alter: Callable[[Entry], Entry] = lambda entry: entry
        self.job: dict[str, Any] = {"status": "accepted", "document": {"status": "in_flight"}}
        self.answers: dict[str, int | bytes] = {}
        self.once: list[int] = []
        self.seen: list[tuple[str, str, str | None]] = []
        self.flavors: list[str] = []
        self.leaves: list[bytes] = []
        self.url = ""
        self.key = ""
        self.begin("key")

    def begin(self, key: str) -> None:
        """Begin a log (anew, under another key)."""
        self.leaves.clear()
        root = self.folder / key
        root.mkdir()
        signer = Ed25519Signer.open_or_create(root / "key.pem", ORIGIN)
        self.log = Publication(
            origin=ORIGIN,
            files=DirectoryFiles(root / "log"),
            signer=signer,
            intents=MemoryIntents(),
        )
        self.files = root / "log"
        self.key = self.key or str(signer.key)
        for number in range(3):
            self.seal({"kind": "hold", "number": number})

    def seal(self, entry: Entry) -> None:
        """Append an entry to the log."""
        self.leaves.append(json.dumps(entry).encode())
        self.log.extend(self.leaves[-1:], first_index=len(self.leaves) - 1)

    def take(self, pdf: bytes) -> None:
        """Read the invoice and post it, as the workers would."""
        text = pdf.decode("latin-1")
        net, tax, total = (
            int(found.replace(".", ""))
            for found in re.findall(r"(?:Subtotal|VAT 20%|Total amount): ([0-9.]+) EUR", text)
        )
        dated = re.search(r"Invoice date: ([0-9-]+)", text)
        assert dated is not None
        postings = [
            {"account": account, "amount": amount, "currency": "EUR", "scale": 2}
            for account, amount in (("5000", net), ("1400", tax), ("2000", -total))
        ]
        entry = {"kind": "post", "type": "invoice", "date": dated[1], "postings": postings}
        if self.posts:
            self.seal(self.alter(entry))

    def answer(  # noqa: PLR0911 - one a path
        self, method: str, path: str, body: bytes
    ) -> tuple[int, bytes]:
        """Answer one request."""
        path, _, query = path.partition("?")
        if self.once:
            return self.once.pop(0), b'{"code": "busy", "message": "%s"}' % TOKEN.encode()
        said = self.answers.get(path)
        if said is not None:
            return (said, b'{"code": "forbidden"}') if isinstance(said, int) else (200, said)
        if method == "POST":
            self.take(body)
            return 202, json.dumps({"job_id": JOB}).encode()
        if path == f"/v1/jobs/{JOB}":
            return 200, json.dumps(self.job).encode()
        entries = "/v1/tenants/smoke/entries"
        if path == entries:
            return 200, self._page(int(query.split("&")[0].removeprefix("since=")))
        if found := re.fullmatch(rf"{entries}/(\d+)(/proof)?", path):
            index = int(found[1])
            if found[2]:
                return 200, self.log.prove(index).encode()
            leaf = base64.b64encode(self.leaves[index]).decode()
            return 200, json.dumps({"leaf": leaf}).encode()
        file = self.files / path.removeprefix("/log/smoke/")
        if path.startswith("/log/smoke/") and file.is_file():
            return 200, file.read_bytes()
        return 404, b'{"code": "not_found"}'

    def _page(self, since: int) -> bytes:
        """Return two entries a page, so that several are needed."""
        listed = list(range(since, len(self.leaves)))[:2]
        more = bool(listed) and listed[-1] + 1 < len(self.leaves)
        entries = [{**json.loads(self.leaves[index]), "index": index} for index in listed]
        cursor = f"c{listed[-1] + 1}" if more else None
        size = len(self.leaves)
        return json.dumps({"entries": entries, "next": cursor, "tree_size": size}).encode()


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


Run = Callable[..., tuple[int, dict[str, Any], str]]


def test_the_document_is_posted_and_its_proof_verifies_offline(
    deployment: Deployment, run: Run
) -> None:
    """The evidence of a release is what an auditor can check again, with the key alone."""
    code, evidence, _ = run()
    assert code == FINE
    assert (evidence["index"], evidence["size_before"], evidence["origin"]) == (3, 3, ORIGIN)
    assert evidence["net"] + evidence["tax"] == evidence["total"]
    assert evidence["seconds"].keys() == {"looked", "sent", "posted", "proven"}
    signer = Ed25519Signer.open_or_create(deployment.folder / "key" / "key.pem", ORIGIN)
    proven = verify_proof(evidence["proof"], signer.key, leaf=deployment.leaves[3])
    assert (proven.index, proven.checkpoint.size) == (3, 4)


def test_each_run_sends_another_document(run: Run) -> None:
    """The same again would be a duplicate, and a possible duplicate held."""
    runs = [run()[1] for _ in range(3)]
    assert len({one["invoice"] for one in runs}) == 3
    assert [one["index"] for one in runs] == [3, 4, 5]


def test_a_person_sees_a_table(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which step took how long."""
    asked = Asked(submit=deployment.url, auditor=deployment.url, key=deployment.key)
    assert command.smoke(tmp_path, asked, clock=FakeClock()) == FINE
    out = capsys.readouterr().out
    for word in ("looked", "sent", "posted", "proven", "entry 3", ORIGIN, "its proof verifies"):
        assert word in out


def test_a_bucket_is_a_way_in_too(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As people drop files; what got through although it seemed lost is not sent twice."""

    class Bucket(MemoryObjects):
        def create(self, name: str, data: bytes) -> ObjectInfo:
            made = super().create(name, data)
            deployment.take(data)
            raise TransientError(f"{made.name} is there, and nobody said so")

    bucket, opened = Bucket(clock=FakeClock()), list[str]()

    def open_bucket(name: str) -> Bucket:
        opened.append(name)
        return bucket

    monkeypatch.setattr("shared.objects.gcs.GcsObjects", open_bucket)
    code, evidence, _ = run(submit="gs://uploads/")
    assert (code, opened) == (FINE, ["uploads"])
    assert [one.name for one in bucket.list("")] == [f"{evidence['invoice']}.pdf"]
    assert not any(method == "POST" for method, _, _ in deployment.seen)
    deployment.posts = False
    assert run(submit="gs://uploads")[0] == NOT_POSTED


def test_what_passes_is_waited_out(deployment: Deployment, run: Run) -> None:
    """A revision that has just been released answers 503 for a while."""
    deployment.once = [503, 429, 500]
    assert run()[0] == FINE


@pytest.mark.parametrize(
    ("job", "said"),
    [
        ({"status": "refused", "reason": "too_large"}, "refused: too_large"),
        (
            {"status": "accepted", "document": {"status": "held", "reason": "total_mismatch"}},
            "held: total_mismatch",
        ),
        (
            {"status": "accepted", "document": {"status": "quarantined", "reason": "unreadable"}},
            "quarantined: unreadable",
        ),
        ({"status": "accepted"}, "not posted within 60 s"),
        ({"status": "arrived", "document": None}, "not posted within 60 s"),
        ({"status": ["x"], "document": "x"}, "not posted within 60 s"),
    ],
)
def test_what_is_not_posted_is_1(
    deployment: Deployment, run: Run, job: dict[str, Any], said: str
) -> None:
    """The release goes back; the line says how far the document came."""
    deployment.posts, deployment.job = False, job
    code, evidence, err = run()
    assert (code, "index" in evidence) == (NOT_POSTED, False)
    assert said in err
    assert evidence["invoice"] in err


def _other_total(entry: Entry) -> Entry:
    debits = [{**one, "amount": one["amount"] + sign} for one, sign in zip(
        entry["postings"][:2], (1, -1), strict=True
    )]  # fmt: skip
    return {**entry, "postings": [*debits, entry["postings"][2]]}


@pytest.mark.parametrize(
    "alter",
    [
        _other_total,
        lambda entry: {**entry, "type": "receipt"},
        lambda entry: {**entry, "date": "2020-02-02"},
        lambda entry: {
            **entry,
            "postings": [*entry["postings"], {"amount": 1, "currency": "USD", "scale": 2}],
        },
    ],
)
def test_an_entry_that_says_something_else_is_3(
    deployment: Deployment, run: Run, alter: Callable[[Entry], Entry]
) -> None:
    """The attack: books that post another amount, proven as they are."""
    deployment.alter = alter
    code, _, err = run()
    assert code == WRONG
    assert "something else than the document" in err


def test_a_key_that_did_not_sign_is_3_and_nothing_is_sent(deployment: Deployment, run: Run) -> None:
    """The attack: a server with a log, and a key, of its own."""
    deployment.begin("another")
    code, _, err = run()
    assert code == WRONG
    assert "sign" in err
    assert not any(method == "POST" for method, _, _ in deployment.seen)


def test_a_proof_of_another_entry_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: something else is proven, correctly."""
    deployment.answers["/v1/tenants/smoke/entries/3/proof"] = deployment.log.prove(1).encode()
    assert run()[0] == WRONG
    deployment.answers["/v1/tenants/smoke/entries/4/proof"] = b"c2sp.org/tlog-proof@v1\nno proof"
    assert run()[0] == WRONG


def test_a_leaf_that_was_changed_on_its_way_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: the entry is shown otherwise than it was sealed."""
    leaf = base64.b64encode(b'{"kind": "post"}').decode()
    for index, said in enumerate(({"leaf": leaf}, {"leaf": "?"}, {}), start=3):
        path = f"/v1/tenants/smoke/entries/{index}"
        deployment.answers[path] = json.dumps(said).encode()
        assert run()[0] == WRONG


def test_a_log_that_was_begun_anew_meanwhile_is_3(deployment: Deployment, run: Run) -> None:
    """The attack: history is rewritten under the same key while the document is on its way."""

    def rewritten(entry: Entry) -> Entry:
        pem = (deployment.folder / "key" / "key.pem").read_bytes()
        root = deployment.folder / "again"
        root.mkdir()
        (root / "key.pem").write_bytes(pem)
        root.rename(deployment.folder / "moved")
        signer = Ed25519Signer.open_or_create(deployment.folder / "moved" / "key.pem", ORIGIN)
        deployment.log = Publication(
            origin=ORIGIN,
            files=DirectoryFiles(deployment.folder / "moved" / "log"),
            signer=signer,
            intents=MemoryIntents(),
        )
        deployment.files = deployment.folder / "moved" / "log"
        deployment.leaves.clear()
        for number in range(3):
            deployment.seal({"kind": "hold", "number": -number})
        return entry

    deployment.alter = rewritten
    code, _, err = run()
    assert code == WRONG
    assert "inconsistent" in err


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/tenants/smoke/entries"])
def test_an_api_that_refuses_us_is_4_at_once(deployment: Deployment, run: Run, path: str) -> None:
    """A missing grant is mended by an operator, not by waiting."""
    deployment.answers[path] = 403
    code, evidence, err = run()
    assert code == UNREACHABLE
    assert "answers 403 (forbidden)" in err
    assert evidence["seconds"].get("posted") is None


def test_an_api_that_does_not_answer_is_4(run: Run) -> None:
    """It says nothing about the deployment but that it cannot be reached."""
    code, _, err = run(submit="http://127.0.0.1:1")
    assert code == UNREACHABLE
    assert "does not answer" in err


def test_an_api_that_answers_nonsense_is_4(deployment: Deployment, run: Run) -> None:
    """Another service at that address."""
    for path in ("/v1/tenants/smoke/entries", f"/v1/jobs/{JOB}"):
        deployment.posts = False
        for nonsense in (b"<html>", b"[1]", b"\xff", b"[" * 100_000):
            deployment.answers = {path: nonsense}
            assert run()[0] == UNREACHABLE


def test_tokens_go_where_they_belong_and_are_never_seen(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each API has an audience of its own; evidence is kept, and read by many."""
    monkeypatch.setenv("SMOKE_TOKEN", TOKEN)
    (tmp_path / "token").write_text(f"{TOKEN}-2\n")
    tokens = {"submit_token": "env:SMOKE_TOKEN", "auditor_token": f"file:{tmp_path / 'token'}"}
    shown = json.dumps(run(**tokens))
    deployment.once = [403]
    shown += json.dumps(run(**tokens))
    assert "t0ken" not in shown
    of_partners = {token for _, path, token in deployment.seen if path.startswith("/v1/documents")}
    of_auditors = {token for _, path, token in deployment.seen if "smoke" in path}
    assert of_partners == {f"Bearer {TOKEN}"}
    assert of_auditors == {f"Bearer {TOKEN}-2"}


def test_a_cloud_run_job_brings_its_own_identity(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ID token is made for one API; another one's would be refused, or worse, taken."""
    host = deployment.url.removeprefix("http://")
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    environ = {"CLOUD_RUN_JOB": "docledger-smoke", "GCE_METADATA_HOST": host}
    deployment.answers[path] = f"{TOKEN}\n".encode()
    assert token_for(None, "https://api.example/", environ=environ) == TOKEN
    assert "audience=https%3A%2F%2Fapi.example&" in deployment.seen[0][1]
    assert deployment.flavors == ["Google"]
    assert token_for(None, "http://api.example", environ=environ) is None
    assert token_for(None, "https://api.example", environ={}) is None
    for status, error in ((404, UserError), (403, UserError), (503, TransientError)):
        deployment.answers[path] = status
        with pytest.raises(error) as caught:
            token_for("metadata", "https://api.example", environ=environ)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("GCE_METADATA_HOST", host)
    deployment.answers[path] = TOKEN.encode()
    code, evidence, err = run(submit_token="metadata", auditor_token="metadata")
    assert code == FINE
    assert "t0ken" not in json.dumps(evidence) + err
    deployment.answers[path] = 503
    deployment.seen.clear()
    asked = Asked(
        submit=deployment.url,
        auditor=deployment.url,
        key=deployment.key,
        submit_token="metadata",
    )
    assert command.smoke(deployment.folder, asked, clock=FakeClock()) == UNREACHABLE
    assert [path] == [one.partition("?")[0] for _, one, _ in deployment.seen]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "start 'docledger up --bus pubsub'"),
        (("--submit", "https://x"), "named together"),
        (("--submit", "ftp://x", "--auditor", "https://y", "--key", "{key}"), "https://HOST"),
        (("--submit", "gs://", "--auditor", "https://y", "--key", "{key}"), "gs://NAME"),
        (("--submit", "https://x", "--auditor", "https://y", "--key", "nosuch"), "public key"),
        (("--submit", "https://x", "--auditor", "https://y", "--key", "{key}", "--tenant", "a/b"),
         "--tenant"),
        (("--submit", "http://x", "--auditor", "https://y", "--key", "{key}",
          "--submit-token", "env:HOME"), "over https:// alone"),
        (("--submit", "https://x", "--auditor", "https://y", "--key", "{key}",
          "--submit-token", "env:NO_SUCH"), "NO_SUCH holds no secret"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line(
    deployment: Deployment,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    told: str,
) -> None:
    """Exit code 2, what to do instead, and nothing is sent."""
    given = [word.format(key=deployment.key) for word in words]
    monkeypatch.setattr("sys.argv", ["docledger", "--data-dir", str(tmp_path), "smoke", *given])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert told in err
    assert deployment.seen == []


def test_the_invoice_adds_up() -> None:
    """What is sent must be posted, whatever the random amount."""
    today = FakeClock().now().date()
    for _ in range(200):
        invoice = new_invoice(today)
        assert invoice.net + invoice.tax == invoice.total
        assert invoice.tax * 5 == invoice.net
        assert 0 < invoice.total < 1_100_000
        assert b"%%EOF" in invoice.pdf()
