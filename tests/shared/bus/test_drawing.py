"""The generated pages of the topology: what is committed is what the file says."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.bus.drawing import FOLDER, documents, duration, schema, write
from shared.bus.topology import TOPOLOGY_FILE, load_topology


def test_the_committed_pages_are_fresh() -> None:
    """On-call reads them; run ``python -m shared.bus.drawing`` when this fails."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert committed == documents(load_topology(TOPOLOGY_FILE))


def test_writing_is_the_projects_topology_whatever_a_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial's clocks must not get into the docs."""
    monkeypatch.setenv("DOCLEDGER_TOPOLOGY", str(tmp_path / "other.yaml"))
    write(tmp_path / "docs")
    written = {path.name: path.read_text() for path in (tmp_path / "docs").iterdir()}
    assert written == documents(load_topology(TOPOLOGY_FILE))


def test_everything_is_in_the_drawing() -> None:
    """Topics, subscriptions with their clocks, dead letters, workers; every arrow has both ends."""
    topology = load_topology(TOPOLOGY_FILE)
    [drawing] = re.findall(r"```mermaid\n(.*?)```", documents(topology)["README.md"], re.DOTALL)
    lines = [line.strip() for line in drawing.splitlines()[1:]]
    shapes = [line for line in lines if '"' in line]
    nodes = {re.split(r"[\[({]", line)[0]: line for line in shapes}
    assert len(nodes) == len(shapes)
    arrows = [line for line in lines if '"' not in line]
    assert {end for line in arrows for end in re.split(r" --> | -\.-> ", line)} == set(nodes)
    for name, its in topology.subscriptions.items():
        assert f'["{name}<br/>{duration(its.lease_s)} · {its.attempts} attempts"]' in drawing
        assert f'[/"{name}.dead"/]' in drawing
        assert f'(["{its.topic}"])' in drawing
        assert f'{{{{"{its.worker}"}}}}' in drawing
    assert len(arrows) == 2 * len(topology.subscriptions)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.5, "0.5 s"),
        (60, "60 s"),
        (90, "90 s"),
        (120, "2 min"),
        (300, "5 min"),
        (3600, "60 min"),
        (7200, "2 h"),
        (604_800, "7 days"),
    ],
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    """604800 tells nobody anything."""
    assert duration(seconds) == said


def valid(value: Any, rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Tell whether a value keeps a schema, as far as ours uses JSON Schema's words."""
    if "$ref" in rule:
        return valid(value, whole["$defs"][rule["$ref"].rpartition("/")[2]], whole)
    if "anyOf" in rule:
        return any(valid(value, one, whole) for one in rule["anyOf"])
    kinds: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
    }
    if not isinstance(value, kinds[rule["type"]]):
        return False
    return _valid_kind(value, rule, whole)


def _valid_kind(value: Any, rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    if isinstance(value, dict):
        return _valid_object(value, rule, whole)
    if isinstance(value, list):
        inner = rule.get("prefixItems", [rule.get("items")] * len(value))
        return len(inner) == len(value) and all(
            valid(one, its, whole) for one, its in zip(value, inner, strict=True)
        )
    if isinstance(value, str):
        return value in rule.get("enum", [value]) and bool(
            re.search(rule.get("pattern", ""), value)
        )
    above = value > rule.get("exclusiveMinimum", -1)
    return above and bool(rule.get("minimum", value) <= value <= rule.get("maximum", value))


def _valid_object(value: dict[str, Any], rule: dict[str, Any], whole: dict[str, Any]) -> bool:
    if not set(rule.get("required", [])) <= value.keys():
        return False
    names = rule.get("propertyNames", {}).get("enum")
    for key, one in value.items():
        rules = [its for name, its in rule.get("properties", {}).items() if name == key]
        rules += [
            its for name, its in rule.get("patternProperties", {}).items() if re.search(name, key)
        ]
        other = rule.get("additionalProperties", True)
        if (names and key not in names) or (not rules and other is False):
            return False
        rules += [other] if not rules and isinstance(other, dict) else []
        if not all(valid(one, its, whole) for its in rules):
            return False
    return True


def test_the_file_keeps_its_schema() -> None:
    """An editor that knows the schema must not complain about the file as it is."""
    raw = yaml.safe_load(TOPOLOGY_FILE.read_text())
    assert valid(raw, schema(), schema())


@pytest.mark.parametrize(
    "edit",
    [
        lambda raw: raw.update(topics={}),
        lambda raw: raw.pop("defaults"),
        lambda raw: raw["stages"].pop("ocr"),
        lambda raw: raw["stages"].update(audit={"deadline_s": 1}),
        lambda raw: raw["subscriptions"].update({"ocr.x.dead": {"topic": "x", "worker": "ocr"}}),
        lambda raw: raw["subscriptions"]["ocr.pages-read"].update(worker="cat"),
        lambda raw: raw["subscriptions"]["ocr.pages-read"].update(lease_s=601),
        lambda raw: raw["subscriptions"]["ocr.pages-read"].update(topic="x.v1"),
        lambda raw: raw["subscriptions"]["ocr.pages-read"].update(lease=1),
        lambda raw: raw["defaults"].update(attempts=4),
        lambda raw: raw["defaults"].update(backoff_s=[1]),
        lambda raw: raw["foreign"].update({"acme.x": "theirs"}),
    ],
)
def test_the_schema_refuses_what_the_code_refuses(edit: Callable[[dict[str, Any]], object]) -> None:
    """A mistake is seen while it is typed."""
    raw = yaml.safe_load(TOPOLOGY_FILE.read_text())
    edit(raw)
    assert not valid(raw, schema(), schema())


def test_every_field_is_described() -> None:
    """The editor shows what a field means; the class says it."""
    made = json.loads(documents(load_topology(TOPOLOGY_FILE))["topology.schema.json"])
    for name in ("topic", "worker", "lease_s", "attempts", "backoff_s", "retention_s"):
        assert made["$defs"]["Subscription"]["properties"][name]["description"]
    assert made["properties"]["foreign"]["description"]
