"""Parts of an e-mail: handed in as uploads of their own, and gone with their e-mail."""

from collections.abc import Sequence
from dataclasses import replace

from services.ingest.inbox import Upload
from services.ingest.inspection import Attachment
from services.ingest.ports import Erased, Inbox
from services.ingest.registered import Register
from shared.events.envelope import Child, Event
from shared.events.ids import keyed_id
from shared.events.payloads import EventType, UploadArrived
from shared.telemetry.reasons import RefusedReason


def hand_in(
    event: Event, attachments: tuple[Attachment, ...], *, inbox: Inbox, key: bytes
) -> tuple[Child, ...]:
    """Hand in an e-mail's parts as uploads of their own; the same parts get the same jobs."""
    children = []
    for ordinal, attachment in enumerate(attachments):
        job_id = keyed_id(key, "attachment", event.jobid, ordinal)
        upload = Upload(attachment.source_name, attachment.content, parent=event.jobid)
        reference = inbox.put(event.tenant, job_id, upload)
        arrived = UploadArrived(upload=reference, entrance="attachment", parent=event.jobid)
        children.append(
            Child(EventType.UPLOAD_ARRIVED, arrived.model_dump(), subject=job_id, jobid=job_id)
        )
    return tuple(children)


def take_back(children: Sequence[Child], *, inbox: Inbox) -> None:
    """Remove the parts of an e-mail that was erased while it was taken apart."""
    for child in children:
        if child.type is EventType.UPLOAD_ARRIVED:
            inbox.discard(UploadArrived.model_validate(child.data).upload)


def with_parent(event: Event, upload: Upload) -> Event:
    """Return the event as it was when it was new: who sends it again may not know its e-mail."""
    assert isinstance(event.data, UploadArrived)
    if event.data.parent is not None or upload.parent is None:
        return event
    return replace(event, data=event.data.model_copy(update={"parent": upload.parent}))


def refused_with_its_email(
    event: Event, *, register: Register, erased: Erased
) -> RefusedReason | None:
    """Return why a part is refused that is no document yet: its e-mail was erased.

    One that is a document already shares its fate with whoever else brought the same bytes; the
    eraser knows.
    """
    assert isinstance(event.data, UploadArrived)
    if event.data.parent is None:
        return None
    email = register.submission(event.data.parent)
    if email is None or email.document_id is None or not erased.stands(email.document_id):
        return None
    booked = register.submission(event.jobid)
    if booked is None or booked.document_id in {None, booked.job_id}:
        return RefusedReason.ERASED
    return None
