"""Rare ways through the pipeline, each deployable kept to its grants: replays, sweeps, erasures.

The simulation meets in a second what an end-to-end run meets in a year. Whatever a stage, a sweep,
the sequencer, the eraser or the entrance asks of objects, keys and topics there is looked up in the
matrix.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from deploy.iam.calls import Need, load_calls, needs_of
from deploy.iam.matrix import load_matrix
from deploy.local.loop import BatchingPublisher
from services.ingest.erasing import Erasing
from services.ingest.sweeper import Sweeper
from services.ledger.sequencer import Sequencer
from shared.keys.memory import MemoryKeyring
from shared.objects.batched import BatchedObjects
from shared.worker.edge import Edge
from tests.simulation.people import People
from tests.simulation.run import Simulation, run
from tests.simulation.unreliable import UnreliableBus
from tests.simulation.watched import WatchedObjects

SEEDS: Final = 35
CALLS: Final = load_calls()
MATRIX: Final = load_matrix()

WHO: Final[tuple[tuple[type, str, Callable[[Any], str]], ...]] = (
    (Edge, "receive", lambda edge: str(edge.stage)),
    (Sweeper, "sweep", lambda _: "register"),
    (Sequencer, "step", lambda _: "sequencer"),
    (Erasing, "erase", lambda _: "eraser"),
    (Erasing, "finish", lambda _: "eraser"),
    (People, "_submit", lambda _: "entrance"),
)
"""In which deployable a method runs on Google Cloud."""

REPORTED: Final = {"storage.buckets.get"}
"""What the command's report asks for, and not erasing (tests/deploy/cli/test_kept_to_grants.py)."""

_SEALED: Final = ("create", "replace", "read", "stat", "delete", "list")
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "tenant_key": ("GcsObjects.read", "KmsKek.unwrap"),
    "document_key": ("GcsObjects.read", "KmsKek.unwrap"),
    "create_document_key": (
        *("GcsObjects.read", "GcsObjects.create"),
        *("KmsKek.wrap", "KmsKek.unwrap"),
    ),
    "destroy_document_key": ("GcsObjects.delete", "GcsVersions.purge"),
}


class _Recorder:
    """What was asked for, in whose name."""

    def __init__(self) -> None:
        self.asked: set[Need] = set()
        self._who: list[str | None] = [None]

    def as_who(self, who: str | None, does: Callable[[], Any]) -> Any:
        """Do something in somebody's name; in nobody's, nothing is noted."""
        self._who.append(who)
        try:
            return does()
        finally:
            self._who.pop()

    def note(self, method: str, resource: str, name: str = "") -> None:
        """Note what a method of an adapter would be checked for."""
        who = self._who[-1]
        if who is not None:
            for permissions in CALLS.methods[method].calls.values():
                for one in permissions:
                    self.asked.add(Need(who, resource, one, name))

    def patch(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Stand before every port of the simulation."""
        for cls, method, of in WHO:
            self._around(monkeypatch, cls, method, lambda *_: None, of)
        for cls in (BatchedObjects, WatchedObjects):
            for method in _SEALED:
                self._around(monkeypatch, cls, method, self._objects(method))
        for method in _KEYS:
            self._around(monkeypatch, MemoryKeyring, method, self._keys(method))
        for cls in (BatchingPublisher, UnreliableBus):
            self._around(monkeypatch, cls, "publish", self._topics)
        for cls in (BatchingPublisher, BatchedObjects):  # a batch is everybody's; it was noted
            self._around(monkeypatch, cls, "flush", lambda *_: None)
        # While one process stands still, others work: in their own names.
        self._around(monkeypatch, Simulation, "_interlude", lambda *_: None)

    def _around(
        self,
        monkeypatch: pytest.MonkeyPatch,
        cls: type,
        method: str,
        noted: Callable[..., None],
        of: Callable[[Any], str | None] = lambda _: None,
    ) -> None:
        """Note each call; what it does inside is another's name, or nobody's."""
        real = getattr(cls, method)

        @functools.wraps(real)
        def call(this: Any, *args: Any, **named: Any) -> Any:
            noted(*args)
            return self.as_who(of(this), lambda: _whole(real(this, *args, **named)))

        monkeypatch.setattr(cls, method, call)

    def _objects(self, method: str) -> Callable[..., None]:
        return lambda name, *_: self.note(f"GcsObjects.{method}", "bucket/objects", name)

    def _keys(self, method: str) -> Callable[..., None]:
        def noted(whose: str, *purpose: Any) -> None:
            name = f"keys/tenants/{whose}.{purpose[0].value}" if purpose else f"keys/{whose}"
            for one in _KEYS[method]:
                kms = one.startswith("KmsKek")
                self.note(one, "key/kek" if kms else "bucket/wrapped", "" if kms else name)

        return noted

    def _topics(self, events: Any) -> None:
        for event in events:
            self.note("PubsubPublisher.publish", f"topic/{event.type.value}")


def _whole(result: Any) -> Any:
    return iter(list(result)) if isinstance(result, Iterator) else result


@pytest.fixture(scope="module")
def asked() -> set[Need]:
    """Let seeds run; return what was asked for."""
    recorder = _Recorder()
    with pytest.MonkeyPatch.context() as monkeypatch:
        recorder.patch(monkeypatch)
        for seed in range(SEEDS):
            assert run(seed).violations == ()
    return recorder.asked


def test_nothing_is_asked_for_that_is_not_granted(asked: set[Need]) -> None:
    """A grant that only a replay or an erasure needs would be missed on the day of one."""
    denied = {
        (one.identity, one.permission, one.resource, one.prefix.partition("/")[0])
        for one in asked
        if not MATRIX.allows(one.identity, one.permission, one.resource, one.prefix)
    }
    assert denied == set()


def test_the_seeds_meet_what_is_rare(asked: set[Need]) -> None:
    """Else the test above would have looked at the ordinary way alone."""
    wanted = [
        need
        for need in needs_of(CALLS, MATRIX)
        if need.identity == "eraser"
        and need.resource in {one.resource for one in asked}
        and need.permission not in REPORTED
    ]
    wanted += [
        Need("ingest", "bucket/wrapped", "storage.objects.delete", "keys/", ("keys/tenants/",)),
        Need("ingest", "bucket/objects", "storage.objects.get", "quarantine/"),
        Need("ingest", "topic/docledger.document.received.v1", "pubsub.topics.publish"),
        Need("register", "bucket/objects", "storage.objects.delete", "originals/"),
        Need("register", "topic/docledger.upload.arrived.v1", "pubsub.topics.publish"),
    ]
    assert [need for need in wanted if not any(need.covers(one) for one in asked)] == []
