"""The generated contract: what is committed is what the code says."""

import json
from pathlib import Path
from typing import Any

import yaml

from shared.bus.topology import load_topology
from shared.events.payloads import EventType
from shared.events.schemas import FOLDER, documents, write


def test_the_committed_documents_are_fresh() -> None:
    """Partners build on them; run ``python -m shared.events.schemas`` when this fails."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert committed == documents(load_topology())


def test_writing_leaves_exactly_the_documents(tmp_path: Path) -> None:
    """A schema of a type that is gone would promise what nobody sends."""
    (tmp_path / "docledger.gone.v1.schema.json").write_text("{}")
    write(tmp_path)
    written = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    assert written == documents(load_topology())


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    """A dangling reference breaks every tool that reads the document."""
    files = documents(load_topology())
    whole = yaml.safe_load(files["asyncapi.yaml"])
    found = list(references(whole))
    assert len(found) > 2 * len(EventType)
    for reference in found:
        target, _hash, pointer = reference.partition("#")
        node: Any = json.loads(files[target.removeprefix("./")]) if target else whole
        for step in filter(None, pointer.split("/")):
            node = node[step]


def references(node: object) -> list[str]:
    """Return every ``$ref`` below a node."""
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for child in node.values() for found in references(child)]
    if isinstance(node, list):
        return [found for child in node for found in references(child)]
    return []


def test_a_schema_refuses_fields_that_the_code_refuses() -> None:
    """Whoever validates by schema gets the same answer as the worker."""
    for name, text in documents(load_topology()).items():
        if name.endswith(".json"):
            assert json.loads(text)["additionalProperties"] is False


def test_the_attributes_are_described_as_they_travel() -> None:
    """Pub/Sub attributes are strings; the replay count is optional."""
    whole = yaml.safe_load(documents(load_topology())["asyncapi.yaml"])
    attributes = whole["components"]["schemas"]["attributes"]
    assert attributes["properties"]["ce-replay"]["type"] == "string"
    assert "ce-replay" not in attributes["required"]
    assert {"ce-id", "ce-tenant", "ce-traceparent", "content-type"} <= set(attributes["required"])
