"""The topology: the file as it stands is right, and every way to get it wrong says so."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.cli.settings import SETTINGS
from shared.bus.topology import TOPOLOGY_FILE, Topology, load_topology
from shared.errors import UserError
from shared.events.payloads import EventType
from shared.settings import unknown_variables

Edit = Callable[[dict[str, Any]], object]


def test_the_file_as_it_stands_is_right() -> None:
    """Every worker starts from it."""
    topology = load_topology()
    assert topology.subscriptions["ocr.document-received"].lease_s == 300
    assert topology.subscriptions["ocr.pages-read"].attempts == 100
    assert [*topology.subscriptions["ocr.pages-read"].backoff_s] == [1, 600]
    assert topology.deadline("ocr") == timedelta(hours=1)


def test_a_topic_knows_its_subscriptions() -> None:
    """Publishing makes one delivery for each."""
    assert load_topology().of_topic(EventType.DOCUMENT_RECEIVED) == [
        "ocr.document-received",
        "register.document-received",
    ]


def test_a_worker_knows_its_subscriptions() -> None:
    """The supervisor starts a puller for each."""
    assert load_topology().of_worker("ocr") == [
        "ocr.document-received",
        "ocr.pages-requested",
        "ocr.pages-read",
    ]


def at(*path: str, put: object) -> Edit:
    """Return an edit that puts a value at a path."""

    def edit(raw: dict[str, Any]) -> None:
        for step in path[:-1]:
            raw = raw[step]
        raw[path[-1]] = put

    return edit


WRONG: dict[str, tuple[Edit, str]] = {
    "an unknown topic": (at("subscriptions", "ocr.pages-read", "topic", put="x.v1"), "ocr.pages"),
    "an unknown worker": (at("subscriptions", "ocr.pages-read", "worker", put="cat"), "worker"),
    "another worker's name": (
        at("subscriptions", "ocr.pages-read", "worker", put="ledger"),
        "ocr.pages-read: its name begins with its worker, ledger",
    ),
    "an unknown field": (at("subscriptions", "ocr.pages-read", "lease", put=3), "lease"),
    "an unknown section": (at("topics", put=[]), "topics"),
    "a topic nobody hears": (
        lambda raw: raw["subscriptions"].pop("ocr.pages-read"),
        "docledger.pages.read.v1 has no subscription",
    ),
    "unsubscribed, but heard": (
        at("unsubscribed", put=["docledger.pages.read.v1"]),
        "docledger.pages.read.v1 is declared unsubscribed, but has a subscription",
    ),
    "heard twice": (
        at(
            "subscriptions",
            "ocr.again",
            put={"topic": "docledger.pages.read.v1", "worker": "ocr"},
        ),
        "ocr hears docledger.pages.read.v1 twice",
    ),
    "a dead-letter name": (
        at("subscriptions", "ocr.pages.dead", put={"topic": "x", "worker": "ocr"}),
        "ocr.pages.dead",
    ),
    "a lease that Pub/Sub does not grant": (at("defaults", "lease_s", put=601), "lease_s"),
    "attempts that Pub/Sub does not count": (at("defaults", "attempts", put=101), "attempts"),
    "a number in quotes": (at("defaults", "attempts", put="7"), "attempts"),
    "a retention that Pub/Sub does not grant": (
        at("defaults", "retention_s", put=599),
        "retention_s",
    ),
    "a foreign topic that is not declared": (
        at("foreign", put={}),
        "docledger.uploads.notified is no event type: correct it, or declare it foreign",
    ),
    "a foreign topic that nobody hears": (
        lambda raw: raw["subscriptions"].pop("entrance.uploads-notified"),
        "docledger.uploads.notified is foreign and has no subscription",
    ),
    "an event type that is misspelt": (
        at("subscriptions", "ocr.pages-read", "topic", put="docledger.pages.raed"),
        "docledger.pages.raed is no event type: correct it, or declare it foreign",
    ),
    "a foreign topic of another project": (
        at("foreign", put={"acme.uploads": "theirs"}),
        "foreign.acme.uploads",
    ),
    "waits the wrong way round": (at("defaults", "backoff_s", put=[9, 1]), "first, longest"),
    "a stage without deadline": (lambda raw: raw["stages"].pop("ocr"), "stages.ocr"),
    "a stage that does not exist": (at("stages", "audit", put={"deadline_s": 3}), "stages.audit"),
    "no subscriptions": (lambda raw: raw.pop("subscriptions"), "subscriptions"),
    "a subscription of one word": (at("subscriptions", "ocr.pages-read", put="x"), "ocr.pages"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_topology_says_where_and_why(tmp_path: Path, case: str) -> None:
    """It is one line for whoever edited the file, and nothing starts."""
    edit, said = WRONG[case]
    raw = yaml.safe_load(TOPOLOGY_FILE.read_text())
    edit(raw)
    path = tmp_path / "topology.yaml"
    path.write_text(yaml.safe_dump(raw))
    with pytest.raises(UserError) as caught:
        load_topology(path)
    assert said in str(caught.value)
    assert str(caught.value).startswith("topology.yaml: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"a: [", "line 1"),
        (b"stages: {}\nstages: {}\n", "line 2: stages is given twice"),
        (b"- a\n", "topology.yaml: "),
        (b"\xff\xfe\x00", "topology.yaml: "),
        (b"a: \x00", "is no YAML"),
    ],
)
def test_a_file_that_is_no_topology_says_so(tmp_path: Path, text: bytes, said: str) -> None:
    """A key given twice would silently lose the first subscription."""
    path = tmp_path / "topology.yaml"
    path.write_bytes(text)
    with pytest.raises(UserError, match=said):
        load_topology(path)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """An image that was built without infra/ is told apart from a wrong file."""
    with pytest.raises(UserError, match="cannot be read"):
        load_topology(tmp_path / "topology.yaml")


def test_a_topic_nobody_hears_may_be_declared() -> None:
    """Events may be published for others alone."""
    raw = yaml.safe_load(TOPOLOGY_FILE.read_text())
    del raw["subscriptions"]["ocr.pages-read"]
    raw["unsubscribed"] = ["docledger.pages.read.v1"]
    assert Topology.model_validate(raw).of_topic(EventType.PAGES_READ) == []


def test_a_foreign_topic_is_heard_like_any_other() -> None:
    """What Cloud Storage tells comes on a topic, and is no event of ours."""
    topology = load_topology()
    heard = topology.subscriptions["entrance.uploads-notified"]
    assert heard.topic == "docledger.uploads.notified"
    assert not isinstance(heard.topic, EventType)
    assert topology.of_worker("entrance") == ["entrance.uploads-notified"]


def test_another_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests and trials want other clocks; every process of theirs reads the same variable."""
    raw = yaml.safe_load(TOPOLOGY_FILE.read_text())
    raw["defaults"]["lease_s"] = 11
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(raw))
    monkeypatch.setenv("DOCLEDGER_TOPOLOGY", str(path))
    assert load_topology().subscriptions["ocr.pages-read"].lease_s == 11
    assert load_topology(TOPOLOGY_FILE).subscriptions["ocr.pages-read"].lease_s == 60


def test_the_variable_is_known_to_the_check_for_misspelt_ones() -> None:
    """A variable that nobody reads is otherwise a default that nobody wanted."""
    environ = {"DOCLEDGER_TOPOLOGY": "x", "DOCLEDGER_TOPOLOGIE": "x"}
    [line] = unknown_variables(SETTINGS, environ)
    assert line.startswith("DOCLEDGER_TOPOLOGIE is not a setting: did you mean DOCLEDGER_TOPOLOGY")
