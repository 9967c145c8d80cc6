"""An erasure wins over the edge, whenever it comes."""

import pytest

from shared.events.envelope import Event
from shared.objects.port import ObjectInfo
from shared.worker.outcome import Outcome
from tests.shared.worker.conftest import DOCUMENT, RESULT, Bench, CrashError, summarized


def test_erased_document_is_not_handled(bench: Bench) -> None:
    """A late redelivery after an erasure resurrects nothing."""
    bench.tombstones.put(DOCUMENT, at=bench.clock.now())
    assert bench.deliver().code == "erased"
    assert bench.handled == 0


def test_erasure_while_handling_stores_and_publishes_nothing(bench: Bench) -> None:
    """The tombstone may come in the middle: it is checked again before anything is written."""

    def erased_meanwhile(event: Event) -> Outcome:
        bench.tombstones.put(DOCUMENT, at=bench.clock.now())
        bench.keyring.destroy_document_key(DOCUMENT)
        return summarized(event)

    bench.handle = erased_meanwhile
    assert bench.deliver().code == "erased"
    assert bench.objects.stat(RESULT) is None
    assert bench.published() == []


@pytest.mark.parametrize("dies", [False, True])
def test_an_erasure_between_key_and_write_leaves_nothing_behind(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, *, dies: bool
) -> None:
    """A worker with the key in its hands writes after the eraser is done: it takes that back.

    If it dies before it can, whoever gets the delivery next does.
    """
    create = bench.objects.create

    def slow(name: str, data: bytes) -> ObjectInfo:
        if name == RESULT:
            bench.tombstones.put(DOCUMENT, at=bench.clock.now())
            bench.keyring.destroy_document_key(DOCUMENT)
        info = create(name, data)
        if name == RESULT and dies:
            raise CrashError
        return info

    monkeypatch.setattr(bench.objects, "create", slow)
    if dies:
        with pytest.raises(CrashError):
            bench.deliver()
    assert bench.deliver().code == "erased"
    assert bench.objects.stat(RESULT) is None
    assert bench.published() == []
