"""A file becomes a document: the whole story of ingest."""

from functools import partial

from services.ingest.inbox import Upload
from services.ingest.inspection import Inspection
from services.ingest.parts import hand_in, refused_with_its_email, take_back, with_parent
from services.ingest.ports import Erased, Inbox, Inspector, Originals, Replays
from services.ingest.registered import Register, RegisteredDocument, SubmissionStatus, Terminal
from shared.errors import PermanentError
from shared.events.envelope import Child, Event
from shared.events.ids import document_id as document_id_of
from shared.events.payloads import (
    DocumentReceived,
    EventType,
    MediaType,
    Reference,
    UploadArrived,
)
from shared.events.results import Intake
from shared.keys.port import Keyring, TenantPurpose
from shared.telemetry.reasons import QuarantineReason, RefusedReason
from shared.worker.outcome import Outcome


def handle(  # noqa: PLR0913 - each port by name
    event: Event,
    *,
    inbox: Inbox,
    originals: Originals,
    register: Register,
    erased: Erased,
    inspector: Inspector,
    replays: Replays,
    keyring: Keyring,
    most_bytes: int,
) -> Outcome:
    """Take in one upload.

    The original is kept before anybody looks into it, and the register knows the document before
    an error says why nobody could: so it is counted, and can be replayed.

    Args:
        event: ``upload.arrived``.
        inbox: holds the upload.
        originals: keeps the document.
        register: books the submission.
        erased: whose bytes are not taken again.
        inspector: looks at the bytes.
        replays: starts again what lies in quarantine.
        keyring: the tenant's key makes ids.
        most_bytes: of an upload.

    Raises:
        PermanentError: nothing can be read of these bytes, or nothing more of the tenant's today;
            ``document_id`` is set.
        TransientError: a store, the register or the sandbox is unavailable.
    """
    if not isinstance(event.data, UploadArrived):
        raise PermanentError(QuarantineReason.MALFORMED_EVENT)
    where = event.data.upload
    try:
        upload = inbox.open(where)
    except LookupError:
        return _gone(event, register=register, erased=erased)
    event = with_parent(event, upload)
    # by the entrance, without reading it; or because its e-mail is gone
    refused = upload.refused or refused_with_its_email(event, register=register, erased=erased)
    if refused is not None:
        register.refuse(event, refused)
        inbox.discard(where)
        return Outcome()
    content = upload.content
    key = keyring.tenant_key(event.tenant, TenantPurpose.IDS)
    document_id = document_id_of(key, content)
    refuse = partial(
        _refuse, event, document_id, register=register, inbox=inbox, originals=originals
    )
    reason = _refusal(len(content), most_bytes, erased=erased.stands(document_id))
    if reason is not None:
        return refuse(reason)
    try:
        outcome = _take_in(
            event,
            document_id,
            upload,
            inbox=inbox,
            originals=originals,
            register=register,
            inspector=inspector,
            replays=replays,
            key=key,
        )
    except PermanentError:
        if erased.stands(document_id):
            return refuse(RefusedReason.ERASED)
        raise
    # The eraser marks, then asks the register whose uploads to remove: whoever was booked too late
    # for that sees the mark here.
    if erased.stands(document_id):
        take_back(outcome.children, inbox=inbox)
        return refuse(RefusedReason.ERASED)
    return outcome


def _take_in(  # noqa: PLR0913 - the ports of this chapter, by name
    event: Event,
    document_id: str,
    upload: Upload,
    *,
    inbox: Inbox,
    originals: Originals,
    register: Register,
    inspector: Inspector,
    replays: Replays,
    key: bytes,
) -> Outcome:
    """Make a document of the upload, or find that it is one already."""
    assert isinstance(event.data, UploadArrived)
    known = register.document(event.tenant, document_id)
    if known is not None and known.job_id != event.jobid:
        register.duplicate(event, document_id=document_id)
        return _again(
            *(event, known, upload),
            originals=originals,
            register=register,
            inspector=inspector,
            replays=replays,
        )

    original = originals.keep(document_id, upload.content)
    try:
        inspection = inspector.inspect(upload.content)
    except PermanentError as err:
        booked = register.accept(event, document_id=document_id, pages=0)
        if booked.status is SubmissionStatus.DUPLICATE:
            return _duplicate(event, document_id, upload)
        raise PermanentError(err.reason, document_id=document_id) from err

    if inspection.media_type is MediaType.EMAIL:
        children = hand_in(event, inspection.attachments, inbox=inbox, key=key)
        booked = register.expand(event, document_id=document_id)
    else:
        children = (_received(document_id, 0, original, inspection),)
        booked = register.accept(event, document_id=document_id, pages=inspection.pages)
    if booked.status is SubmissionStatus.DUPLICATE:  # another job was faster
        return _duplicate(event, document_id, upload)
    return Outcome(
        Intake(
            status="expanded" if inspection.media_type is MediaType.EMAIL else "accepted",
            document_id=document_id,
            source_name=upload.source_name,
            media_type=inspection.media_type,
            pages=inspection.pages,
            attachments=tuple(child.jobid for child in children if child.jobid),
            parent=event.data.parent,
        ),
        children,
        document_id,
    )


def _refusal(size: int, most_bytes: int, *, erased: bool) -> RefusedReason | None:
    if size == 0:
        return RefusedReason.EMPTY
    if size > most_bytes:
        return RefusedReason.TOO_LARGE
    return RefusedReason.ERASED if erased else None


def _refuse(  # noqa: PLR0913 - the facts, then what is let go of
    event: Event,
    document_id: str,
    reason: RefusedReason,
    *,
    register: Register,
    inbox: Inbox,
    originals: Originals,
) -> Outcome:
    """Book the refusal, then let go of the bytes: nothing of what is refused is kept.

    Of an erased document there may be a key again: a worker made it that had looked for the
    tombstone before it stood.
    """
    assert isinstance(event.data, UploadArrived)
    named = None
    if reason is RefusedReason.ERASED:
        named = document_id
        originals.forget(document_id)
    register.refuse(event, reason, document_id=named)
    inbox.discard(event.data.upload)
    return Outcome()


def _gone(event: Event, *, register: Register, erased: Erased) -> Outcome:
    """The upload is not there (any more): refused or erased before, or lost."""
    booked = register.submission(event.jobid)
    if booked is None:
        with_it = refused_with_its_email(event, register=register, erased=erased)
        register.refuse(event, with_it or RefusedReason.UNREADABLE_FILE)
        return Outcome()
    if booked.status is SubmissionStatus.REFUSED:
        return Outcome()
    if booked.document_id is not None and erased.stands(booked.document_id):
        return Outcome()
    raise PermanentError(QuarantineReason.UNREADABLE, document_id=booked.document_id)


def _again(  # noqa: PLR0913 - the ports of this chapter, by name
    event: Event,
    known: RegisteredDocument,
    upload: Upload,
    *,
    originals: Originals,
    register: Register,
    inspector: Inspector,
    replays: Replays,
) -> Outcome:
    """The same bytes again: a quarantined document is replayed, a voided one read anew."""
    if known.status is Terminal.QUARANTINED:
        replays.replay(known.document_id)
    if known.status is not Terminal.VOIDED:
        return _duplicate(event, known.document_id, upload, revision=known.revision)
    revision = known.revision + 1
    original = originals.keep(known.document_id, upload.content)
    try:
        inspection = inspector.inspect(upload.content)
    except PermanentError as err:
        raise PermanentError(err.reason, document_id=known.document_id) from err
    register.reserve(
        event, document_id=known.document_id, revision=revision, pages=inspection.pages
    )
    child = _received(known.document_id, revision, original, inspection)
    return _duplicate(event, known.document_id, upload, revision=revision, children=(child,))


def _duplicate(
    event: Event,
    document_id: str,
    upload: Upload,
    *,
    revision: int = 0,
    children: tuple[Child, ...] = (),
) -> Outcome:
    assert isinstance(event.data, UploadArrived)
    intake = Intake(
        status="duplicate",
        document_id=document_id,
        source_name=upload.source_name,
        parent=event.data.parent,
        revision=revision,
    )
    return Outcome(intake, children, document_id)


def _received(
    document_id: str, revision: int, original: Reference, inspection: Inspection
) -> Child:
    received = DocumentReceived(
        document_id=document_id,
        revision=revision,
        original=original,
        media_type=inspection.media_type,
        pages=inspection.pages,
    )
    return Child(EventType.DOCUMENT_RECEIVED, received.model_dump(), subject=document_id)
