"""Second chances: what a person does with ``quarantine replay``, because the bytes came again."""

from datetime import datetime

from shared.bus.port import Publisher
from shared.clock import Clock
from shared.keys.port import Keyring
from shared.worker.quarantine import Quarantine, QuarantineRecord


class QuarantineReplays:
    """Publishes the quarantined events of a document again.

    Args:
        quarantine: holds them.
        keyring: makes the ids of replayed events.
        publisher: takes them.
        clock: stamps them.
    """

    def __init__(
        self, quarantine: Quarantine, *, keyring: Keyring, publisher: Publisher, clock: Clock
    ) -> None:
        self._quarantine = quarantine
        self._keyring = keyring
        self._publisher = publisher
        self._clock = clock

    def replay(self, document_id: str) -> None:
        """Publish what waits for a replay; else the newest record once more.

        A crash between marking a record and the publisher's batch reaching the bus would leave a
        document that waits for nobody. The event's id is the same each time, so that once more
        does no harm.
        """
        history = self._quarantine.history(document_id)
        waiting = [row for row in history if not row[2]] or sorted(history, key=_age)[-1:]
        for name, _record, _replayed in waiting:
            event = self._quarantine.event_to_replay(
                name, keyring=self._keyring, at=self._clock.now()
            )
            if event is not None:
                self._publisher.publish([event])
                self._quarantine.mark_replayed(name)


def _age(row: tuple[str, QuarantineRecord, bool]) -> datetime:
    return row[1].at
