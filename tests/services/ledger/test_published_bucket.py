"""The auditor API over a bucket: the same answers as over a folder, and few requests to it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.ledger.adapters.memory_intents import MemoryIntents
from services.ledger.adapters.public_objects import PublicObjects
from services.ledger.adapters.published_bucket import PublishedBucket
from services.ledger.api_main import build
from services.ledger.api_settings import LedgerApiSettings
from services.ledger.publication import Publication
from services.ledger.settings import LogPlaceSettings
from shared.api.grants import parse_readers
from shared.clock import FakeClock
from shared.errors import TransientError
from shared.logging import SilentLog
from shared.settings import SettingsError
from shared.telemetry.registry import MemoryMetrics
from shared.tlog.errors import NotFoundError
from shared.tlog.proof import verify_proof
from tests.services.ledger.auditing import make_entry, signer_of
from tests.services.ledger.auditor import ACME, ALL, Api
from tests.services.ledger.bucket import KEY, Bucket, serving_bucket
from tests.shared.api.asking import Badges, ask, badge
from tests.shared.objects.json_api import BUCKET

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

SIZE = 600
ENTRIES = "/v1/tenants/acme/entries"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Give a bucket with a log in it."""
    with serving_bucket(monkeypatch) as bucket:
        signer = signer_of("acme")
        PublicObjects(bucket.store()).create_all([("acme.vkey", f"{signer.key}\n".encode())])
        log = Publication(
            origin=signer.key.name, files=bucket.files(), signer=signer, intents=MemoryIntents()
        )
        log.extend([make_entry("acme", number).leaf for number in range(SIZE)], first_index=0)
        yield bucket


@pytest.fixture
def api(bucket: Bucket, tmp_path: Path) -> Api:
    """Give the API over it."""
    return Api(tmp_path, logs=PublishedBucket(bucket.store()).log_of)


def test_entries_proofs_and_files_are_told_from_a_bucket(api: Api, bucket: Bucket) -> None:
    """Whoever asks the API need not know where the log is."""
    assert api.get(ENTRIES).json["tree_size"] == SIZE
    proof = api.get(f"{ENTRIES}/256/proof").body.decode()
    leaf = make_entry("acme", 256).leaf
    assert verify_proof(proof, signer_of("acme").key, leaf=leaf).index == 256
    for path in ("checkpoint", "tile/0/001", "tile/entries/002.p/88"):
        told = api.get(f"/log/acme/{path}")
        there = bucket.api.objects[f"acme/{path}"]
        assert told.body == there.data
        assert told.headers["content-type"] == there.content_type
        assert told.headers["cache-control"] == f"private, {there.cache_control}"
    assert api.get("/log/acme/tile/0/777").code == "not_found"
    assert api.get("/log/acme.keys").code == "not_found"
    assert api.get("/v1/tenants/nobody/entries", ALL).code == "not_found"


def test_a_tile_is_fetched_once_and_the_checkpoint_each_time(api: Api, bucket: Bucket) -> None:
    """A tile never changes; a checkpoint that is a minute old hides a minute's entries."""
    api.get(f"{ENTRIES}/3")
    bucket.api.count()
    api.get(f"{ENTRIES}/4")
    asked = [one.partition("/o/")[2].partition("?")[0] for one in bucket.api.asked]
    assert sorted(asked) == ["acme%2Fcheckpoint", "acme.keys"]


def test_what_is_kept_is_bounded(bucket: Bucket) -> None:
    """Auditors replay logs that are larger than any memory; what was asked for last stays."""
    largest = max(len(one.data) for name, one in bucket.api.objects.items() if "tile/0/" in name)
    log = PublishedBucket(bucket.store(), most_bytes=2 * largest).log_of("acme")
    assert log is not None

    def requests(path: str) -> int:
        bucket.api.count()
        log.files.read(path)
        return bucket.api.count()

    assert [requests(f"tile/0/00{number}") for number in (0, 1, 0, 1)] == [1, 1, 0, 0]
    assert requests("tile/0/000") == 0
    assert requests("tile/0/002.p/88") == 1
    assert [requests(f"tile/0/00{number}") for number in (0, 1)] == [0, 1]
    assert requests("tile/entries/000") == requests("tile/entries/000") == 1


def test_a_bucket_that_is_away_is_an_outage(api: Api, bucket: Bucket) -> None:
    """Not a log without entries, and not a damaged one."""
    api.get(ENTRIES)
    bucket.api.faults.extend([403] * 9)
    assert api.get(ENTRIES).code == "unavailable"
    with pytest.raises(TransientError):
        PublishedBucket(bucket.store()).check()
    bucket.api.faults.clear()
    assert api.get(ENTRIES).status == 200
    PublishedBucket(bucket.store()).check()


def test_a_name_that_no_object_can_have_is_not_found(bucket: Bucket) -> None:
    """What callers type reaches no store as a mistake of ours."""
    log = PublishedBucket(bucket.store()).log_of("acme")
    assert log is not None
    assert log.files.read("checkpoint")
    for path in ("tile/../../globex/checkpoint", "a b", ""):
        with pytest.raises(NotFoundError):
            log.files.read(path)


@pytest.mark.usefixtures("bucket")
def test_the_settings_say_where_the_logs_are(tmp_path: Path) -> None:
    """The deployed API reads the same variables as the sequencer that writes."""
    place = LogPlaceSettings.from_environment(
        {"DOCLEDGER_LEDGER_LOG_BUCKET": BUCKET, "DOCLEDGER_LEDGER_LOG_KMS_KEY": KEY}
    )
    app = build(
        data_dir=tmp_path,
        log=SilentLog(),
        metrics=MemoryMetrics(),
        clock=FakeClock(),
        settings=LedgerApiSettings(readers=parse_readers(f"{ACME}=acme")),
        place=place,
        identities=Badges(),
    )
    assert ask(app, "GET", "/log/acme/checkpoint", headers=[badge(ACME)]).status == 200
    assert ask(app, "GET", "/ready").status == 200
    for wrong in ({"BUCKET": "gs://logs"}, {"BUCKET": "logs", "KMS_KEY": "log"}):
        with pytest.raises(SettingsError):
            LogPlaceSettings.from_environment(
                {f"DOCLEDGER_LEDGER_LOG_{name}": value for name, value in wrong.items()}
            )
