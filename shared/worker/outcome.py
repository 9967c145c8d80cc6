"""What a handler gives back to the edge."""

from dataclasses import dataclass, field

from pydantic import BaseModel

from shared.events.envelope import Child


@dataclass(frozen=True, slots=True)
class Outcome:
    """What to store, and the events that follow.

    Attributes:
        result: stored create-only under the document's key before anything is published; None
            where the handler's effect is its own store (the journal) or there is nothing to keep.
        children: the events that follow; the edge gives them ids and the result's reference.
        document_id: under whose key the result is encrypted, where the event does not say yet
            (ingest); None takes the event's subject.
    """

    result: BaseModel | None = field(default=None, repr=False)
    children: tuple[Child, ...] = ()
    document_id: str | None = None
