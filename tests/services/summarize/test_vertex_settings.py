"""Who summarizes, where and at what price: one line where it is wrong."""

from pathlib import Path

import pytest

from services.summarize import vertex_opened
from services.summarize.main import build
from services.summarize.prices import TABLE, price_of
from services.summarize.vertex_opened import check_vertex
from services.summarize.vertex_settings import VertexSettings, vertex_emulator
from shared.bus.topology import load_topology
from shared.clock import FakeClock
from shared.errors import UserError
from shared.keys.memory import MemoryKeyring
from shared.keys.vault import Vault
from shared.objects.memory import MemoryObjects
from shared.worker.results import Results

RIGHT = {
    "DOCLEDGER_SUMMARIZER": "vertex",
    "DOCLEDGER_PROJECT": "docledger-test",
    "DOCLEDGER_VERTEX_LOCATION": "europe-west3",
}


def built(monkeypatch: pytest.MonkeyPatch, **changed: str) -> None:
    """Build the worker under these variables, and close it."""
    for name, value in (RIGHT | changed).items():
        monkeypatch.setenv(name, value)
    results = Results(Vault(MemoryObjects(FakeClock()), MemoryKeyring()))
    worker = build(results=results)
    worker.canary()  # by the rules: nothing is connected to
    worker.close()


def test_the_worker_is_built_without_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cold start must not wait for Vertex AI, nor die of it; the canary sings without it."""
    built(monkeypatch)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"DOCLEDGER_SUMMARIZER": "gemini"}, "DOCLEDGER_SUMMARIZER"),
        ({"DOCLEDGER_PROJECT": ""}, "DOCLEDGER_PROJECT: set it"),
        ({"DOCLEDGER_VERTEX_LOCATION": ""}, "DOCLEDGER_VERTEX_LOCATION: name the region"),
        ({"DOCLEDGER_VERTEX_LOCATION": "Europe!"}, "DOCLEDGER_VERTEX_LOCATION"),
        ({"DOCLEDGER_VERTEX_MODEL": "gemini-99-pro"}, "a model without a price"),
        ({"DOCLEDGER_VERTEX_DEADLINE_S": "59"}, "DOCLEDGER_VERTEX_DEADLINE_S"),
        ({"DOCLEDGER_VERTEX_DEADLINE_S": "5"}, "ATTEMPT_S is longer"),
        ({"DOCLEDGER_VERTEX_TRIES": "0"}, "DOCLEDGER_VERTEX_TRIES"),
        ({"DOCLEDGER_VERTEX_PRICES": "/nowhere/prices.yaml"}, "cannot be read"),
    ],
)
def test_a_mistake_is_one_line(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, str], told: str
) -> None:
    """An operator reads what to do, and no traceback."""
    with pytest.raises(UserError, match=told) as caught:
        built(monkeypatch, **changed)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match=told):
        check_vertex()  # as the command does before it starts workers


def test_without_googles_client_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The laptop's installation does not carry it."""
    monkeypatch.setattr(vertex_opened, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="install docledger\\[vertex\\]"):
        built(monkeypatch)


def test_the_embedded_summarizer_needs_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default asks for no project, no place and no client."""
    monkeypatch.setattr(vertex_opened, "find_spec", lambda _name: None)
    built(monkeypatch, **dict.fromkeys(RIGHT, ""))
    check_vertex()


@pytest.mark.parametrize(
    "where",
    [
        {"K_SERVICE": "summarize"},
        {"CLOUD_RUN_JOB": "summarize"},
        {"DOCLEDGER_ENVIRONMENT": "production"},
    ],
)
def test_documents_go_to_no_emulator_in_production(where: dict[str, str]) -> None:
    """Whoever sets one variable must not get every document's words in the clear."""
    told = {"DOCLEDGER_UNSAFE_VERTEX_EMULATOR": "127.0.0.1:9"}
    assert vertex_emulator(told) == "127.0.0.1:9"
    with pytest.raises(UserError, match="not for production"):
        vertex_emulator(told | where)


def test_no_document_takes_longer_than_a_push_is_waited_for() -> None:
    """Else Pub/Sub would hand it out again while it is still being paid for."""
    waits = load_topology().subscriptions["summarize.document-read"].lease_s
    most = VertexSettings.model_fields["deadline_s"].metadata[1].le
    assert VertexSettings().attempt_s <= VertexSettings().deadline_s <= most < waits


def test_cost_is_exact_and_rounded_up() -> None:
    """Thousands of small calls must not vanish in rounding."""
    price = price_of("gemini-2.5-flash")
    assert price.micros(1_000_000, 0) == 300_000
    assert price.micros(1, 0) == 1
    assert price.micros(0, 0) == 0
    assert price.micros(1_201, 97) == 603  # 360.3 + 242.5


@pytest.mark.parametrize(
    "text", ["", "[1]", "currency: USD\nmodels: {m: {input: -1, output: 1}}", "\x00", "a: [", "{"]
)
def test_a_table_out_of_shape_is_refused(tmp_path: Path, text: str) -> None:
    """A price that is read wrong is a bill that is told wrong."""
    path = tmp_path / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match="no price table"):
        price_of("m", path)


def test_a_table_of_ones_own_is_used(tmp_path: Path) -> None:
    """Prices change, and contracts have their own."""
    path = tmp_path / "prices.yaml"
    path.write_text(TABLE.read_text("utf-8").replace('"0.30"', '"0.31"'), encoding="utf-8")
    assert price_of("gemini-2.5-flash", path).micros(1_000_000, 0) == 310_000
