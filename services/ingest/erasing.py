"""What goes with an e-mail: its attachments, unless somebody else has them too.

An attachment is a document of its own. It goes with the last e-mail that carried it, and stays
where it was handed in by itself, or lies in an e-mail that lives.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Final

from services.ingest.eraser import Eraser, Erasure
from services.ingest.registered import (
    Register,
    RegisteredDocument,
    Submission,
    SubmissionStatus,
    Terminal,
)
from shared.clock import Clock
from shared.worker.tombstones import Tombstones

PartsTold = Callable[[str], Sequence[str]]
"""The jobs of an e-mail's parts by the e-mail's job, as its stored intake says; none when it is
gone. Parts that ingest has not booked yet are known from there alone."""

OnHold = Callable[[str, str], bool]
"""Whether a tenant's document must stay."""

SETTLED: Final = timedelta(hours=1)
"""Nobody has a part in hand for longer."""


class Kept(StrEnum):
    """Why an attachment stays when an e-mail goes."""

    LIVING_EMAIL = "in_a_living_email"  # another e-mail carries the same bytes
    OWN = "submitted_on_its_own"  # somebody handed the same bytes in without an e-mail
    LEGAL_HOLD = "legal_hold"  # the policy says that it must stay


@dataclass(frozen=True, slots=True)
class Family:
    """One document and what goes with it.

    Attributes:
        head: what was asked for.
        parts: the attachments that go, those of attached e-mails too.
        waiting: jobs of parts that nobody has taken in yet.
        kept: how many attachments stay, by why.
    """

    head: RegisteredDocument
    parts: tuple[RegisteredDocument, ...] = ()
    waiting: tuple[str, ...] = ()
    kept: Mapping[Kept, int] = field(default_factory=dict)


class Erasing:
    """Erases documents with what belongs to them.

    Args:
        eraser: of one document.
        register: knows who brought what.
        tombstones: which e-mails are gone already.
        parts_told: what stored intakes say of an e-mail's parts.
        clock: time.
        on_hold: whether a document must stay.
    """

    def __init__(  # noqa: PLR0913 - what it asks, by name
        self,
        eraser: Eraser,
        *,
        register: Register,
        tombstones: Tombstones,
        parts_told: PartsTold,
        clock: Clock,
        on_hold: OnHold,
    ) -> None:
        self._eraser = eraser
        self._register = register
        self._tombstones = tombstones
        self._parts_told = parts_told
        self._clock = clock
        self._on_hold = on_hold

    def family(self, head: RegisteredDocument) -> Family:
        """Return what goes with ``head``, as things stand now.

        Raises:
            TransientError: register or store is unavailable.
        """
        if head.terminal is not Terminal.EXPANDED:
            return Family(head)
        going: dict[str, RegisteredDocument] = {head.document_id: head}
        told: set[str] = set()
        parts: dict[str, Submission | None] = {}
        while True:
            jobs = [job for one in going.values() for job in self._jobs(one)]
            told |= {part for job in jobs for part in self._parts_told(job)}
            found: dict[str, Submission | None] = {one.job_id: one for one in self._parts(jobs)}
            for job_id in told - found.keys():
                found[job_id] = self._register.submission(job_id)
            parts |= found
            more = [
                one for one in self._documents(head.tenant, parts) if self._goes(one, going, told)
            ]
            if not more:
                break
            going |= {one.document_id: one for one in more}
        kept = Counter(
            why
            for one in self._documents(head.tenant, parts)
            if one.document_id not in going
            and (why := self._why_kept(one, going.keys(), told)) is not None
        )
        waiting = tuple(sorted(job for job, submission in parts.items() if submission is None))
        del going[head.document_id]
        return Family(head, tuple(going.values()), waiting, dict(kept))

    def must_stay(self, document: RegisteredDocument) -> bool:
        """Tell whether a document is on hold, or an e-mail is that carried it, however deep.

        Raises:
            TransientError: the register is unavailable.
        """
        seen, waiting = {document.document_id}, [document.document_id]
        while waiting:
            whose = waiting.pop()
            if self._on_hold(document.tenant, whose):
                return True
            for brought in self._register.submissions_of(document.tenant, whose):
                if brought.parent is None or brought.status is SubmissionStatus.REFUSED:
                    continue
                carrier = self._register.submission(brought.parent)
                email = carrier.document_id if carrier is not None else None
                if email is not None and email not in seen:
                    seen.add(email)
                    waiting.append(email)
        return False

    def erase(self, head: RegisteredDocument) -> tuple[Family, list[Erasure]]:
        """Erase ``head`` and what goes with it; what was asked for is erased last.

        Its tombstone comes first, so that no further part of it is taken in; its key goes after
        its parts are found, because what it locks says which they are. A crash in between leaves
        a document that the audit names; the same call again completes it.

        Raises:
            TransientError: something is unavailable; call it again.
        """
        self._begin(head)
        self._eraser.mark(head)
        # Before the mark it may have become an e-mail with parts; since, it cannot.
        head = self._register.document(head.tenant, head.document_id) or head
        self._begin(head)
        family = self.family(head)
        done = self._erase_parts(family)
        return family, [self._eraser.erase(head), *done]

    def _erase_parts(self, family: Family) -> list[Erasure]:
        for job_id in family.waiting:
            self._eraser.discard_upload(family.head.tenant, job_id)
        for part in family.parts:
            self._eraser.mark(part)
        return [self._eraser.erase(part) for part in family.parts]

    def _begin(self, head: RegisteredDocument) -> None:
        if head.terminal is Terminal.EXPANDED:
            self._tombstones.begin(head.tenant, head.document_id, at=self._clock.now())

    def erase_alone(self, document: RegisteredDocument) -> Erasure:
        """Erase one document and nothing that it carried.

        Raises:
            TransientError: something is unavailable; call it again.
        """
        return self._eraser.erase(document)

    def finish(self) -> list[Erasure]:
        """Erase what was left of e-mails: of those whose eraser died, and parts that came late.

        A part that was being taken in when its e-mail was erased is a document by now. An e-mail is
        looked at until an hour after it was erased.

        Returns:
            What was erased besides the e-mails.

        Raises:
            TransientError: something is unavailable; call it again.
        """
        late: list[Erasure] = []
        for tenant, document_id, begun in list(self._tombstones.begun()):
            head = self._register.document(tenant, document_id)
            if head is not None and not self._is_done(head):
                late += self.erase(head)[1][1:]
            if begun + SETTLED < self._clock.now():
                self._tombstones.end(document_id)
        return late

    def _is_done(self, head: RegisteredDocument) -> bool:
        """Tell whether nothing is left to do: what is told again would never come to rest."""
        if not head.erased:
            return False
        family = self.family(head)
        left = (self._eraser.has_upload(head.tenant, job_id) for job_id in family.waiting)
        return not family.parts and not any(left)

    def _jobs(self, document: RegisteredDocument) -> list[str]:
        brought = self._register.submissions_of(document.tenant, document.document_id)
        return [one.job_id for one in brought]

    def _parts(self, jobs: Sequence[str]) -> list[Submission]:
        return self._register.parts_of(jobs)

    def _documents(
        self, tenant: str, parts: Mapping[str, Submission | None]
    ) -> list[RegisteredDocument]:
        """Return what the parts became, without what is erased already."""
        ids = {
            one.document_id
            for one in parts.values()
            if one and one.document_id and one.status is not SubmissionStatus.REFUSED
        }
        found = [self._register.document(tenant, one) for one in sorted(ids)]
        return [one for one in found if one is not None and not one.erased]

    def _goes(
        self,
        document: RegisteredDocument,
        going: Mapping[str, RegisteredDocument],
        told: Collection[str],
    ) -> bool:
        if document.document_id in going:
            return False
        return self._why_kept(document, going.keys(), told) is None

    def _why_kept(
        self, document: RegisteredDocument, going: Collection[str], told: Collection[str]
    ) -> Kept | None:
        if self._on_hold(document.tenant, document.document_id):
            return Kept.LEGAL_HOLD
        for brought in self._register.submissions_of(document.tenant, document.document_id):
            if brought.status is SubmissionStatus.REFUSED or brought.job_id in told:
                continue
            if brought.parent is None:
                return Kept.OWN
            carrier = self._register.submission(brought.parent)
            email = carrier.document_id if carrier is not None else None
            if email is None or not (email in going or self._tombstones.stands(email)):
                return Kept.LIVING_EMAIL
        return None
