"""The sequencer as it is deployed: what it tells of the freshness of its checkpoints."""

from datetime import timedelta
from pathlib import Path

import pytest

from deploy.cloudrun.platform import Platform
from deploy.cloudrun.sealing import Sealing
from deploy.cloudrun.settings import PlatformSettings
from services.ledger.adapters.schema import JOURNAL
from services.ledger.adapters.sql import SqlJournal
from services.ledger.main import LEDGER_FILE
from services.ledger.sequencer import Sequencer
from shared.bus.memory import MemoryBus
from shared.clock import FakeClock
from shared.database.sqlite import open_sqlite
from shared.errors import TransientError
from shared.objects.memory import MemoryObjects
from shared.telemetry.metrics import Metric
from tests.services.ledger.test_journal import a_post, book
from tests.waiting import wait_until


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """What a sequencer stands on, in one folder."""
    monkeypatch.setenv("DOCLEDGER_TRACES", "none")
    monkeypatch.setenv("DOCLEDGER_METRICS", "none")
    settings = PlatformSettings(project="test-project", objects_bucket="none", data_dir=tmp_path)
    clock = FakeClock()
    platform = Platform("sequencer", settings=settings, clock=clock)
    platform.__dict__["publisher"] = MemoryBus(platform.topology, clock)
    platform.__dict__["objects"] = MemoryObjects(clock)
    return platform


def test_freshness_is_told_while_the_log_cannot_grow(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Age and number grow from one failed step to the next, and fall when it seals again."""
    metrics, clock = platform.metrics, platform.clock
    assert isinstance(clock, FakeClock)
    journal = SqlJournal(open_sqlite(platform.settings.data_dir / LEDGER_FILE, JOURNAL))
    sealing = Sealing(platform)
    waits = timedelta(minutes=7).total_seconds()

    def fails(_self: Sequencer) -> int:
        raise TransientError("the signer is unavailable")

    journal.append(book(a_post("a")))
    with monkeypatch.context() as broken:
        broken.setattr(Sequencer, "step", fails)
        clock.sleep(waits)
        sealing.start()
        wait_until(lambda: metrics.value(Metric.UNSEALED_ENTRIES) == 1, what="it is told")
        assert metrics.value(Metric.CHECKPOINT_AGE) == waits
        with pytest.raises(TransientError):
            sealing.check()
    wait_until(lambda: metrics.value(Metric.UNSEALED_ENTRIES) == 0, what="it is sealed")
    sealing.stop()
    assert metrics.value(Metric.CHECKPOINT_AGE) == 0
    assert len(journal.checkpoints(a_post().tenant)) == 1
    journal.close()
