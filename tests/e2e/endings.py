"""How documents must have ended, whatever was done to the processes that worked on them."""

import contextlib
import json
import time
from collections import defaultdict
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from deploy.local.house import House
from deploy.local.job_token import start_job
from deploy.local.pubsub_site import JOBS
from deploy.local.site import Site
from shared.bus.topology import TOPOLOGY_FILE
from shared.events.codec import from_structured
from shared.objects.port import NotFoundError
from shared.telemetry.span_files import SpanRecord, read_spans
from tests.e2e.cluster import Cluster
from tests.e2e.settled import Settled, settled
from tests.waiting import PATIENCE_S, wait_until

STAGE_S: Final = 20.0
"""The shortest deadline of a stage here."""

SWEEP_S: Final = 2.0

_PARTS: Final = {"handle", "store", "send"}
"""Spans of what is done within another, and told before it."""

_CLOCKS: Final = {"lease_s": 10, "attempts": 100, "backoff_s": [1, 2], "retention_s": 600}


def short_clocks(folder: Path, patch: pytest.MonkeyPatch, *, long_lease_s: int = 20) -> None:
    """Have everything that reads the topology wait seconds where it would wait minutes.

    Args:
        folder: for the file that says so.
        patch: changes the environment, which every process inherits.
        long_lease_s: of work that takes longer than other; Pub/Sub has no lease below 10 s.
    """
    topology: dict[str, Any] = yaml.safe_load(TOPOLOGY_FILE.read_text())
    topology["defaults"] = _CLOCKS
    for one in topology["subscriptions"].values():
        if "lease_s" in one:
            one["lease_s"] = long_lease_s
    topology["stages"] = {name: {"deadline_s": STAGE_S} for name in topology["stages"]}
    file = folder / "topology.yaml"
    file.write_text(yaml.safe_dump(topology, sort_keys=False))
    patch.setenv("DOCLEDGER_TOPOLOGY", str(file))
    patch.setenv("DOCLEDGER_ENTRANCE_SWEEP_AFTER_S", "5")


def submissions(house: House) -> int:
    """Return how many there are, attachments of e-mails included."""
    return house.register.counts(house.clock.now()).submissions


def sweep(up: Cluster) -> None:
    """Start the jobs that bring back what was lost, as Cloud Scheduler does."""
    for name, job in JOBS:
        start_job(up.backing, Site(up.data).job_token, name, job)


def wait_sweeping(up: Cluster, count: int) -> None:
    """Wait until so many submissions have ended, and sweep meanwhile."""
    deadline = time.monotonic() + PATIENCE_S * 3
    while True:
        sweep(up)
        try:
            up.wait_for(count, within_s=SWEEP_S)
        except TimeoutError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def all_ended_as(expected: Settled, up: Cluster) -> None:
    """Nothing was lost, nothing doubled, and nobody holds on to anything."""
    found = settled(up.data)
    assert found.documents.keys() == expected.documents.keys()
    for key, document in expected.documents.items():
        assert found.documents[key][2] == document[2], "another reading of the same bytes"
    # Of a pair of the same invoice, the one that comes second is held.
    assert found.counted() == expected.counted()
    assert (found.in_flight, found.unsealed, found.balanced) == (0, 0, True)
    assert found.leaves == expected.leaves
    accounted_for(up)


def accounted_for(up: Cluster) -> None:
    """Register, results, books and log agree, and in the end no work is held by anybody.

    A delivery that comes again, late, is begun again and ended; it is waited for. Who died between
    storing a result and giving its lease back leaves the lease to the redelivery, which a bus may
    forget: it lies there, ended, until the bucket's rule removes it.
    """
    for command in ("audit", "verify"):
        told = up.asked(command)
        assert told.code == 0, (command, told.stdout, told.stderr)
    wait_until(lambda: not _held(up), what="no lease lasts")
    wait_until(lambda: not list(up.bucket.list_blobs()), what="what was taken in is removed")


def _held(up: Cluster) -> list[str]:
    now = up.house.clock.now().timestamp()
    held = []
    for info in up.house.objects.list("leases/"):
        with contextlib.suppress(NotFoundError):
            if json.loads(up.house.objects.read(info.name).data)["expires"] > now:
                held.append(info.name)
    return held


def traces_of(data: Path) -> dict[str, list[SpanRecord]]:
    """Return every span that was exported, by trace."""
    traces: dict[str, list[SpanRecord]] = defaultdict(list)
    for span in read_spans(Site(data).spans):
        traces[span.trace_id].append(span)
    return traces


def traces_are_whole(up: Cluster, *, killed: Collection[str] = ()) -> None:
    """Every document has one trace with one root, and every span its parent.

    A span is told when it ends, which may be after the end of its document was: it is waited for.
    What a killed process had not finished, it had not told either: of the work in its hands, parts
    that had ended may stand there without the whole.

    Args:
        up: where.
        killed: deployables that had no time to tell.
    """
    with contextlib.suppress(TimeoutError):
        wait_until(lambda: not _broken_traces(up, killed), what="every trace is whole")
    assert _broken_traces(up, killed) == []


def _broken_traces(up: Cluster, killed: Collection[str]) -> list[object]:
    """Return documents whose trace has not one root, or orphans that no kill explains."""
    traces = traces_of(up.data)
    broken: list[object] = []
    for document in up.house.register.documents():
        trace = traces[from_structured(document.last_event).traceparent.split("-")[1]]
        ids = {span.span_id for span in trace}
        roots = {span.span_id for span in trace if not span.parent_id}
        orphans = [
            span
            for span in trace
            if span.parent_id not in {"", *ids}
            and not (span.service in killed and span.operation in _PARTS)
        ]
        if len(roots) != 1 or orphans:
            broken.append((document, roots, orphans))
    return broken
