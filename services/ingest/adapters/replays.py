"""Second chances: what a person does with ``quarantine replay``, because the bytes came again."""

from shared.bus.port import Publisher
from shared.clock import Clock
from shared.keys.port import Keyring
from shared.worker.quarantine import Quarantine


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
        """Publish what waits for a replay; the worker that takes it takes it off the list."""
        for name, record in self._quarantine.list():
            if document_id not in {record.document_id, record.subject}:
                continue
            event = self._quarantine.event_to_replay(
                name, keyring=self._keyring, at=self._clock.now()
            )
            if event is not None:
                self._publisher.publish([event])
