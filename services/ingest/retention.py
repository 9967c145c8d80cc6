"""Documents that are older than the policy keeps them: erased, as if somebody had asked for it."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from services.ingest.eraser import Erasure
from services.ingest.policy import Policy, kind_of
from services.ingest.registered import (
    Register,
    RegisteredDocument,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.clock import Clock


class Fate(StrEnum):
    """What becomes of a document that is old enough."""

    ERASED = "erased"  # or would be, in a dry run
    LEGAL_HOLD = "legal_hold"  # it must stay, or the e-mail that carried it must
    UNDECIDED = "undecided"  # held: a person must decide first
    IN_FLIGHT = "in_flight"  # somebody works on it


@dataclass(frozen=True, slots=True)
class Retained:
    """What a round came to.

    Attributes:
        due: how many documents are older than they are kept, by fate, tenant and kind.
        finished: how many were erased besides: what was left of e-mails erased before.
    """

    due: Mapping[tuple[Fate, str, str], int] = field(default_factory=dict)
    finished: int = 0

    def count(self, fate: Fate) -> int:
        """Return how many came to one fate."""
        return sum(count for (one, _tenant, _kind), count in self.due.items() if one is fate)


class Erases(Protocol):
    """What a policy needs done (``services.ingest.erasing.Erasing``)."""

    def erase_alone(self, document: RegisteredDocument) -> Erasure:
        """Erase one document and nothing that it carried."""
        ...

    def finish(self) -> list[Erasure]:
        """Erase what was left of e-mails that were erased before."""
        ...


class Retention:
    """Applies a policy; again is no error, and does nothing more.

    Args:
        register: knows what there is, and since when.
        erasing: erases.
        policy: says how long.
        clock: says what is old.
    """

    def __init__(
        self, *, register: Register, erasing: Erases, policy: Policy, clock: Clock
    ) -> None:
        self._register = register
        self._erasing = erasing
        self._policy = policy
        self._clock = clock

    def run(self, *, dry: bool = False) -> Retained:
        """Erase what is older than its policy keeps it.

        An e-mail goes by itself: its attachments are documents with days of their own.

        Args:
            dry: only say what would be erased.

        Raises:
            TransientError: something is unavailable; run it again.
        """
        finished = 0 if dry else len(self._erasing.finish())
        due: Counter[tuple[Fate, str, str]] = Counter()
        for document, fate in () if self._policy.keeps_all else self._due():
            if fate is Fate.ERASED and not dry:
                self._erasing.erase_alone(document)
            due[fate, document.tenant, str(kind_of(document))] += 1
        return Retained(dict(due), finished)

    def _due(self) -> Iterator[tuple[RegisteredDocument, Fate]]:
        brought: dict[tuple[str, str], list[Submission]] = {}
        became: dict[str, str | None] = {}
        for one in self._register.submissions():
            became[one.job_id] = one.document_id
            if one.document_id is not None and one.status is not SubmissionStatus.REFUSED:
                brought.setdefault((one.tenant, one.document_id), []).append(one)
        now = self._clock.now()
        for document in self._register.documents():
            since = brought.get((document.tenant, document.document_id), [])
            if self._is_due(document, since, now):
                yield document, self._fate(document, _carriers(document, brought, became))

    def _is_due(
        self, document: RegisteredDocument, brought: list[Submission], now: datetime
    ) -> bool:
        kept = self._policy.keeps_for(document.tenant, kind_of(document))
        if document.erased or kept is None or not brought:
            return False
        return max(one.received_at for one in brought) + kept < now

    def _fate(self, document: RegisteredDocument, carriers: set[str]) -> Fate:
        named = {document.document_id, *carriers}
        if any(self._policy.holds(document.tenant, one) for one in named):
            return Fate.LEGAL_HOLD
        if document.status is None:
            return Fate.IN_FLIGHT
        return Fate.UNDECIDED if document.status is Terminal.HELD else Fate.ERASED


def _carriers(
    document: RegisteredDocument,
    brought: Mapping[tuple[str, str], list[Submission]],
    became: Mapping[str, str | None],
) -> set[str]:
    """Return the e-mails that carried a document, and those that carried them."""
    found: set[str] = set()
    waiting = [document.document_id]
    while waiting:
        for one in brought.get((document.tenant, waiting.pop()), ()):
            email = became.get(one.parent) if one.parent is not None else None
            if email is not None and email not in found:
                found.add(email)
                waiting.append(email)
    return found
