"""What is settled and told need not be kept for ever."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from deploy.local.house import House
from deploy.local.settings import RetentionSettings

EVERY_S: Final = 3600.0
BATCH: Final = 500
BATCHES: Final = 20
"""At once: writers wait for a batch, the keeper's other chores for all of them."""

_ID: Final = re.compile(rb'"([0-9a-f]{40})"')


class Retention:
    """Lets a site forget: events that all are done with (never their ids), and spans.

    Args:
        house: the site's ports.
        settings: for how long it remembers; of the environment when None.
    """

    def __init__(self, house: House, settings: RetentionSettings | None = None) -> None:
        self._house = house
        settings = settings or RetentionSettings.from_environment()
        self._keep = timedelta(days=settings.retention_days)
        self._due = float("-inf")

    def turn(self) -> bool:
        """Forget what is older, once an hour; return whether there was anything.

        Raises:
            TransientError: bus or register are unavailable.
        """
        now = self._house.clock.monotonic()
        if now < self._due:
            return False
        before = self._house.clock.now() - self._keep
        events = self._prune_events(before)
        files = prune_spans(self._house, before)
        if events < BATCH * BATCHES:
            self._due = now + EVERY_S
        return events + files > 0

    def _prune_events(self, before: datetime) -> int:
        if self._house.platform is not None:
            return 0  # Pub/Sub forgets by itself
        pruned = 0
        for _ in range(BATCHES):
            batch = self._house.bus.prune(before, most=BATCH)
            pruned += batch
            if batch < BATCH:
                break
        return pruned


def prune_spans(house: House, before: datetime) -> int:
    """Remove files of spans that were last written before ``before``; return how many.

    A file that names a document in flight, or its submission, stays whole.

    Raises:
        TransientError: the register is unavailable.
    """
    old = list(_last_written(house.site.spans, before))
    if not old:
        return 0
    in_flight = {
        named.encode()
        for one in house.register.documents()
        if one.status is None
        for named in (one.document_id, one.job_id)
    }
    done = [path for path in old if in_flight.isdisjoint(_ID.findall(path.read_bytes()))]
    for path in done:
        path.unlink(missing_ok=True)
    return len(done)


def _last_written(folder: Path, before: datetime) -> Iterator[Path]:
    for path in folder.glob("*.ndjson"):
        if path.stat().st_mtime < before.timestamp():
            yield path
