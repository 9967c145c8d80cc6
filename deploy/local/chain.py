"""A document's way, as its stored results tell it: what each stage made, and what it announced."""

from collections.abc import Iterator
from dataclasses import dataclass

from deploy.local.house import House
from services.ingest.registered import RegisteredDocument, Terminal
from shared.events.codec import from_structured
from shared.events.envelope import Child
from shared.events.ids import event_id
from shared.events.payloads import Reference, StageName
from shared.keys.port import TenantPurpose
from shared.keys.vault import ErasedError
from shared.worker import names
from shared.worker.emitter import Emitter, Origin
from shared.worker.results import children_in

_STAGES: tuple[StageName, ...] = ("ingest", "ocr", "summarize")


@dataclass(frozen=True, slots=True)
class Link:
    """One stage's part of the way.

    Attributes:
        stage: who made it.
        name: where the result lies.
        reference: of the result; None when it is missing.
    """

    stage: StageName
    name: str
    reference: Reference | None


class Chain:
    """The way of one document.

    Args:
        house: where its parts are.
        document: as the register knows it.
    """

    def __init__(self, house: House, document: RegisteredDocument) -> None:
        self._house = house
        self._document = document
        last = from_structured(document.last_event)
        self._origin = Origin(
            tenant=document.tenant,
            jobid=document.job_id,
            traceparent=last.traceparent,
            subject=document.document_id,
            replay=document.replay,
        )

    def links(self) -> Iterator[Link]:
        """Yield the stages that the document has left behind, in their order."""
        document = self._document
        passed = _STAGES
        if document.terminal is Terminal.EXPANDED:
            passed = ("ingest",)
        elif document.stage in _STAGES:
            passed = _STAGES[: _STAGES.index(document.stage)]
        for stage in passed:
            name = (
                names.intake(document.job_id)
                if stage == "ingest"
                else names.stage_result(stage, document.document_id, document.revision)
            )
            if stage == "ingest" and document.revision > 0:
                continue  # a later revision came in with a later submission
            yield Link(stage, name, self._house.vault.find(name))

    def unpublished(self, link: Link) -> Iterator[str]:
        """Yield the types of a link's events that the bus never had, under any replay."""
        published = self._house.published
        if published is None:
            return  # a bus that forgets what was delivered; the register's deadlines tell
        key = self._house.keyring.tenant_key(self._document.tenant, TenantPurpose.IDS)
        for child in self._children(link):
            ids = (
                event_id(
                    key,
                    subject=child.subject or self._document.document_id,
                    revision=int(str(child.data.get("revision", 0))),
                    type_=child.type.value,
                    part=child.part,
                    replay=replay,
                )
                for replay in range(self._document.replay + 1)
            )
            if not any(published.has_published(one) for one in ids):
                yield child.type.value

    def announce(self, link: Link) -> None:
        """Publish a link's events again: whoever did his work already sends on what he has."""
        emitter = Emitter(
            link.stage,
            publisher=self._house.publisher,
            keyring=self._house.keyring,
            clock=self._house.clock,
        )
        emitter.emit(self._origin, self._children(link), link.reference)

    def _children(self, link: Link) -> tuple[Child, ...]:
        """Return what a link announced; nothing of a document that was erased meanwhile."""
        if link.reference is None:
            return ()
        try:
            return children_in(self._house.vault.open(link.reference))
        except ErasedError:
            return ()
