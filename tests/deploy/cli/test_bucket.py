"""A site whose logs are in a bucket: every command that reads or signs them, and an outsider."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from deploy.cli.log_bucket import BucketReader
from deploy.cli.serve import addresses
from shared.errors import TransientError
from shared.tlog.errors import UnavailableError
from tests.deploy.conftest import Docledger
from tests.outside.publishing import Published, publish
from tests.services.ledger.bucket import KEY, Bucket, all_of, serving_bucket
from tests.shared.objects.json_api import BUCKET

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Give a bucket, and a site that was told to publish there."""
    with serving_bucket(monkeypatch) as bucket:
        monkeypatch.setenv("DOCLEDGER_LEDGER_LOG_BUCKET", BUCKET)
        monkeypatch.setenv("DOCLEDGER_LEDGER_LOG_KMS_KEY", KEY)
        yield bucket


def test_every_command_works_on_logs_in_a_bucket(
    changing: Docledger, bucket: Bucket, tmp_path: Path
) -> None:
    """The site moves there with its next entry; from then on nothing of a log is in the folder."""
    told = changing("verify", changing.data)
    assert (told.code, told.err) == (0, "")  # the folder's, as long as it is there
    shutil.rmtree(changing.data / "log")
    for words in (("verify",), ("verify", changing.data), ("smoke",)):
        told = changing(*words)
        assert (told.code, told.err.count("\n"), told.out) == (2, 1, ""), words
    assert f"in the bucket {BUCKET}" in changing("verify").err
    assert changing("held", "void", changing.file("invoice-wrong-total.pdf")).code == 0
    first = bucket.api.objects["default.vkey"].data.decode().strip()
    url = f"{bucket.url}/default"
    (verified,) = changing("verify", url, "--key", first, "--format", "json").rows
    assert (verified["verified"], verified["size"]) == (True, 13)
    (same,) = changing("verify", "--key", first, "--format", "json").rows
    assert same == {**verified, "what": f"gs://{BUCKET}/default"}
    assert changing("audit").code == 0
    assert changing("export", "--to", "ndjson").code == 0
    proof = tmp_path / "one.tlog-proof"
    proof.write_text(changing("proof", changing.file("invoice-once.pdf")).out)
    assert changing("verify", "--proof", proof, "--key", first).code == 0

    (old, *_) = _logs(changing)
    assert changing("keys", "rotate").code == 0
    assert changing("keys", "close", old["key"]).code == 0
    (_, new) = _logs(changing)
    for key in (first, new["vkey"]):
        assert changing("verify", url, "--key", key).code == 0
    assert changing("period", "close", "2026-06", "--with-open-holds").code == 0
    assert changing("period", "export", "2026-06", "-o", tmp_path / "june").code == 0
    (shown,) = addresses(changing.data, 8080, "secret")
    known = parse_qs(urlsplit(shown).fragment)
    assert known["vkey"] == [f"{first}\n{new['vkey']}"]

    assert not (changing.data / "log").exists()
    assert (changing.data / "signers").is_dir()
    there = bucket.api.objects
    assert {one.partition("/")[0] for one in there} == {"default", "default.vkey", "default.keys"}
    assert not any(b"PRIVATE KEY" in one.data for one in there.values())
    assert {one.kms_key for one in there.values()} == {KEY}


def test_who_writes_the_bucket_cannot_say_what_verifies_it(
    docledger: Docledger, bucket: Bucket, tmp_path: Path
) -> None:
    """Another history, signed by another key that lies beside it: a known key refuses both."""
    ours, theirs = (publish(tmp_path / who, (20,), salt=who.encode()) for who in ("us", "them"))
    _put(bucket, ours)
    verified = docledger("verify", "--key", str(ours.key))
    assert (verified.code, verified.err) == (0, "")
    bucket.api.objects.clear()
    _put(bucket, theirs)
    forged = docledger("verify", "--key", str(ours.key))
    assert (forged.code, "NOT VERIFIED" in forged.err) == (1, True)
    alone = docledger("verify")
    assert (alone.code, "'docledger keys show'" in alone.err, alone.out) == (2, True, "")
    nobodys = str(publish(tmp_path / "nobody", (1,), origin="x.example/LOG").key)
    assert "ends with no tenant" in docledger("verify", "--key", nobodys).err


def test_a_bucket_that_does_not_answer_says_nothing_about_the_log() -> None:
    """On call for an outage is not on call for a forgery."""

    class Away:
        def read(self, _path: str) -> bytes:
            raise TransientError("Cloud Storage is unavailable")

    reader = BucketReader(Away())
    with pytest.raises(UnavailableError, match="Cloud Storage is unavailable"):
        reader.read("checkpoint")
    with reader.ahead(iter(["tile/0/000"])) as near, pytest.raises(UnavailableError):
        near.read("tile/0/000")


def _put(bucket: Bucket, log: Published) -> None:
    store = bucket.store()
    store.create("acme.vkey", f"{log.key}\n".encode())
    for path, data in all_of(log.folder).items():
        store.create(f"acme/{path}", data)


def _logs(docledger: Docledger) -> list[dict[str, str]]:
    rows = map(json.loads, docledger("keys", "show", "--format", "json").out.splitlines())
    return [row for row in rows if "vkey" in row]
