"""One known document through the live path, and everything that may become of it."""

from pathlib import Path
from typing import Any

import pytest

from deploy.cli import smoke as command
from deploy.cli.main import main
from deploy.cli.smoke import FINE, NOT_POSTED, Asked
from deploy.cli.smoke_invoice import new_invoice
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.objects.memory import MemoryObjects
from shared.objects.port import ObjectInfo
from shared.tlog.proof import verify_proof
from shared.tlog.signer import Ed25519Signer
from tests.deploy.cli.smoke_deployment import ORIGIN, Deployment, Run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


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
