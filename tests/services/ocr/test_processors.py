"""The table of processors, and what can be set."""

import sys
from pathlib import Path

import pytest

from services.ocr.main import Far, build
from services.ocr.processors import TABLE, Processors, load_table
from services.ocr.settings import OcrSettings, documentai_emulator
from shared.bus.memory import MemoryBus
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import UserError
from shared.events.payloads import MediaType
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.gcs import GcsObjects
from shared.objects.memory import MemoryObjects
from shared.sandbox.inline import InlineSandbox
from shared.worker.built import Worker

PLACE = "projects/p/locations/eu/processors"
KEY = "projects/p/locations/eu/keyRings/r/cryptoKeys/batches"
REMOTE = {"DOCLEDGER_OCR_READER": "documentai", "DOCLEDGER_OCR_PROCESSORS": f"ocr={PLACE}/1"}


def built(environ: dict[str, str], *, far: bool = True) -> Worker:
    """Return a worker in memory."""
    clock = FakeClock()
    objects = MemoryObjects(clock)
    bus = MemoryBus(load_topology(), clock)
    return build(
        vault=Vault(objects, MemoryKeyring()),
        objects=objects,
        settings=OcrSettings.from_environment(environ),
        sandbox=InlineSandbox(),
        far=Far(publisher=bus, clock=clock) if far else None,
    )


def test_the_table_holds_googles_limits() -> None:
    """cloud.google.com/document-ai/limits: online, and in batches."""
    table = load_table()
    pages = {kind: (one.pages_online, one.pages_batch) for kind, one in table.processors.items()}
    assert pages == {
        "ocr": (15, 500),
        "invoice": (15, 200),
        "expense": (10, 10),
        "bank_statement": (15, 30),
    }
    limits = table.limits
    assert (limits.online_bytes, limits.batch_bytes) == (40_000_000, 1_000_000_000)
    assert (limits.requests_per_minute, limits.concurrent_batches) == (600, 10)


def test_the_first_that_takes_a_type_reads_it() -> None:
    """The operator's order decides; what is long goes to the one that reads words."""
    names = {"expense": f"{PLACE}/2", "invoice": f"{PLACE}/3", "ocr": f"{PLACE}/1"}
    ours = Processors(load_table(), OcrSettings(processors=names).processors)
    assert [ours.online(kind).kind for kind in (MediaType.JPEG, MediaType.PDF)] == [  # type: ignore[union-attr]  # both are read
        "expense",
        "invoice",
    ]
    assert ours.online(MediaType.TEXT) is None
    assert ours.batch(MediaType.PDF).name == f"{PLACE}/1"  # type: ignore[union-attr]  # likewise
    assert ours.location == "eu"
    alone = Processors(load_table(), {"invoice": f"{PLACE}/3"})
    assert alone.batch(MediaType.PDF).kind == "invoice"  # type: ignore[union-attr]  # likewise
    assert alone.batch(MediaType.XML) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Input should be"),
        ("limits: [", "is no YAML"),
        ("limits: {online_bytes: 0}\nprocessors: {}", "limits.online_bytes"),
        ("limits: 1\nprocessors: {magic: {}}", "processors.magic"),
    ],
)
def test_a_wrong_table_is_a_mistake_of_one_line(tmp_path: Path, text: str, told: str) -> None:
    """It says where."""
    path = tmp_path / "processors.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told) as caught:
        load_table(path)
    assert "\n" not in str(caught.value)


def test_a_missing_table_is_a_mistake_of_one_line(tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(UserError, match="cannot be read"):
        load_table(tmp_path / TABLE.name)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"DOCLEDGER_OCR_READER": "documentai"}, "DOCLEDGER_OCR_PROCESSORS is not set"),
        ({"DOCLEDGER_OCR_READER": "magic"}, "DOCLEDGER_OCR_READER"),
        ({"DOCLEDGER_OCR_PROCESSORS": "ocr=1"}, "pairs like"),
        ({"DOCLEDGER_OCR_PROCESSORS": f"magic={PLACE}/1"}, "should be 'ocr'"),
        ({"DOCLEDGER_OCR_PROCESSORS": f"ocr={PLACE}/1,ocr={PLACE}/2"}, "twice"),
        (
            {"DOCLEDGER_OCR_PROCESSORS": f"ocr={PLACE}/1,invoice={PLACE.replace('eu', 'us')}/2"},
            "several locations",
        ),
        ({"DOCLEDGER_OCR_BATCHES_BUCKET": "abc"}, "DOCLEDGER_OCR_BATCHES_KMS_KEY is not set"),
        ({"DOCLEDGER_OCR_BATCHES_KMS_KEY": "mine"}, "DOCLEDGER_OCR_BATCHES_KMS_KEY"),
        ({"DOCLEDGER_OCR_INSTANCES": "0"}, "DOCLEDGER_OCR_INSTANCES"),
    ],
)
def test_a_wrong_setting_is_a_mistake_of_one_line(environ: dict[str, str], told: str) -> None:
    """Whoever deploys reads this first."""
    with pytest.raises(UserError, match=told) as caught:
        OcrSettings.from_environment(environ)
    assert "\n" not in str(caught.value)


def test_the_embedded_reader_is_the_default() -> None:
    """Nobody pays without having said so; the poll has nothing to look at."""
    worker = built({})
    assert OcrSettings.from_environment({}).reader == "embedded"
    worker.jobs["poll"]()
    worker.close()


def test_batches_are_written_under_the_buckets_key() -> None:
    """What lies there is not sealed by us."""
    environ = {
        **REMOTE,
        "DOCLEDGER_OCR_BATCHES_BUCKET": "docledger-batches",
        "DOCLEDGER_OCR_BATCHES_KMS_KEY": KEY,
    }
    worker = built(environ)
    batches = worker.handle.keywords["batches"]  # type: ignore[attr-defined]  # a partial
    store = batches.bucket.objects
    assert isinstance(store, GcsObjects)
    assert (store._name, store._kms_key_name) == ("docledger-batches", KEY)
    worker.close()


def test_nothing_is_read_in_batches_where_nobody_polls() -> None:
    """On one machine no scheduler would bring them to their end."""
    environ = {
        **REMOTE,
        "DOCLEDGER_OCR_BATCHES_BUCKET": "docledger-batches",
        "DOCLEDGER_OCR_BATCHES_KMS_KEY": KEY,
    }
    worker = built(environ, far=False)
    assert worker.handle.keywords["batches"] is None  # type: ignore[attr-defined]  # a partial
    worker.close()


def test_without_its_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The embedded reader needs none."""
    monkeypatch.setitem(sys.modules, "services.ocr.adapters.documentai", None)
    with pytest.raises(UserError, match="documentai"):
        built(REMOTE)


@pytest.mark.parametrize(
    "where",
    [{"K_SERVICE": "ocr"}, {"CLOUD_RUN_JOB": "ocr"}, {"DOCLEDGER_ENVIRONMENT": "production"}],
)
def test_production_talks_to_no_emulator(where: dict[str, str]) -> None:
    """The attack: a variable that has documents sent to whoever it names."""
    environ = {"DOCLEDGER_UNSAFE_DOCUMENTAI_EMULATOR": "localhost:1", **where}
    with pytest.raises(UserError, match="not for production"):
        documentai_emulator(environ)
