"""Writes the topology down for people and editors: a drawing, its clocks, a JSON Schema.

``python -m shared.bus.drawing`` writes them into docs/topology; a test fails when they are stale.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from shared.bus.topology import DEAD_SUFFIX, TOPOLOGY_FILE, Topology, load_topology

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "topology"

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Final = """\
# Topology

Who hears what, and by when: `infra/topology.yaml`, drawn. The embedded bus, Pub/Sub
(`docledger topology apply`), Terraform and alert rules read that file; its schema is
[topology.schema.json](topology.schema.json). This page is made from it:
`python -m shared.bus.drawing`.

A topic's name is its event type ([what it carries](../events/asyncapi.yaml)), or it is foreign. A
subscription pushes one topic to one worker, at `/push/<subscription>`. What its worker could not
handle in so many attempts goes to the topic `<subscription>.dead`, whose subscription of the same
name pushes to the same worker, without end: its handler puts the document into quarantine.

```mermaid
{drawing}
```

## Subscriptions

| subscription | topic | lease | attempts | backoff | kept |
| --- | --- | --- | --- | --- | --- |
{subscriptions}

*Lease*: how long a worker may hold a message before it is handed out again. *Attempts*: hand-outs
before it is a dead letter. *Backoff*: first and longest wait between attempts. *Kept*: how long
Pub/Sub keeps what nobody acknowledges; the embedded bus keeps it until it is handled.

## Stages

| stage | deadline |
| --- | --- |
{stages}

*Deadline*: from entering the stage to leaving it; past it a document is late.

## Foreign topics

| topic | its messages |
| --- | --- |
{foreign}
"""


def documents(topology: Topology) -> dict[str, str]:
    """Return every generated file: its name in docs/topology, and its text."""
    return {
        "README.md": _page(topology),
        "topology.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }


def write(folder: Path = FOLDER) -> None:
    """Write every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents(load_topology(TOPOLOGY_FILE)).items():
        (folder / name).write_text(text, encoding="utf-8")


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the file as people write it: clocks may be left to the defaults.

    That a topic has a subscription, and whatever else holds between entries, only
    ``load_topology`` checks.
    """
    made = Topology.model_json_schema()
    subscription = made["$defs"]["Subscription"]
    subscription["required"] = ["topic", "worker"]
    for described in (made, *made["$defs"].values()):
        summary, _, attributes = described.get("description", "").partition("\n\nAttributes:\n")
        described["description"] = summary
        for name, meaning in re.findall(r"^ {4}(\w+): (.*)$", attributes, re.MULTILINE):
            described["properties"][name]["description"] = meaning
    for field in made["properties"].values():
        if "patternProperties" in field:
            field["additionalProperties"] = False
    stages = made["properties"]["stages"]
    stages["required"] = stages["propertyNames"]["enum"]
    return {"$schema": _DRAFT, "$id": "urn:docledger:topology", **made}


def _page(topology: Topology) -> str:
    return _TEXT.format(
        drawing="\n".join(_drawing(topology)),
        subscriptions=_rows(
            (
                f"`{name}`",
                f"`{its.topic}`",
                duration(its.lease_s),
                its.attempts,
                f"{duration(its.backoff_s[0])} to {duration(its.backoff_s[1])}",
                duration(its.retention_s),
            )
            for name, its in topology.subscriptions.items()
        ),
        stages=_rows((name, duration(its.deadline_s)) for name, its in topology.stages.items()),
        foreign=_rows((f"`{name}`", meaning) for name, meaning in topology.foreign.items()),
    )


def _drawing(topology: Topology) -> Iterator[str]:
    """Yield a Mermaid flowchart: topics, subscriptions, dead letters, workers."""
    yield "flowchart LR"
    topics = dict.fromkeys(its.topic for its in topology.subscriptions.values())
    for topic in (*topics, *topology.unsubscribed):
        yield f'  {_id("topic", topic)}(["{topic}"])'
    for name, its in topology.subscriptions.items():
        clocks = f"{duration(its.lease_s)} · {its.attempts} attempts"
        dead = name + DEAD_SUFFIX
        yield f'  {_id("sub", name)}["{name}<br/>{clocks}"]'
        yield f'  {_id("sub", dead)}[/"{dead}"/]'
        yield f"  {_id('topic', its.topic)} --> {_id('sub', name)} --> {_id('worker', its.worker)}"
        yield f"  {_id('sub', name)} -.-> {_id('sub', dead)} -.-> {_id('worker', its.worker)}"
    for worker in dict.fromkeys(its.worker for its in topology.subscriptions.values()):
        yield f'  {_id("worker", worker)}{{{{"{worker}"}}}}'


def _id(kind: str, name: str) -> str:
    return f"{kind}_{re.sub('[^a-z0-9]', '_', name)}"


def _rows(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``90 s``, ``5 min``, ``7 days``."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"


if __name__ == "__main__":
    write()
