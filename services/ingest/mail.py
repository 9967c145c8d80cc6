"""E-mail (RFC 5322, MIME): its text and its attachments, each to become a document of its own.

The ``compat32`` policy parses no header's value: under the newer one a 100 KB ``From`` takes 14 s.
"""

import email
import email.errors
import email.header
import email.policy
from email.message import Message
from typing import Final

from services.ingest.inspection import Attachment, InspectionLimits
from services.ingest.mail_shown import shown_in
from services.ingest.mail_text import bytes_in
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

_DAMAGE: Final = (
    email.errors.StartBoundaryNotFoundDefect,
    email.errors.CloseBoundaryNotFoundDefect,
    email.errors.MultipartInvariantViolationDefect,
)
_SIGNATURES: Final = frozenset(
    (
        "application/pgp-signature",
        "application/pkcs7-signature",
        "application/x-pkcs7-signature",
    )
)
_SEALED: Final = frozenset(("application/pkcs7-mime", "application/x-pkcs7-mime"))

BODY_NAME: Final = "message.txt"
MAIL_NAME: Final = "message.eml"
PART_NAME: Final = "attachment"


def attachments(content: bytes, limits: InspectionLimits) -> tuple[Attachment, ...]:
    """Return the text that is shown (if there is any) and every attachment.

    Raises:
        PermanentError: ``encrypted``, ``unreadable`` (damaged, truncated, or a header over its
            limit) or ``too_deep`` (levels or number of parts).
    """
    try:
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        _check_all(message, limits)
        shown = shown_in(message)
        body = shown.doubted()
        files = [_file(part) for part in shown.files]
    except RecursionError as err:
        raise PermanentError(QuarantineReason.TOO_DEEP) from err
    except (LookupError, TypeError, ValueError, AssertionError) as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    texts = (Attachment(BODY_NAME, body.encode("utf-8", "replace")),) if body else ()
    return (*texts, *(file for file in files if file is not None))


def _check_all(message: Message, limits: InspectionLimits) -> None:
    """Check every part, those of attached e-mails too, their number and their levels."""
    waiting = [(message, 0)]
    parts = 0
    while waiting:
        part, depth = waiting.pop()
        parts += 1
        if depth > limits.mail_depth or parts > limits.mail_parts:
            raise PermanentError(QuarantineReason.TOO_DEEP)
        _check(part, limits)
        inside = part.get_payload()
        if isinstance(inside, list):
            waiting += [(one, depth + 1) for one in reversed(inside) if isinstance(one, Message)]


def _check(part: Message, limits: InspectionLimits) -> None:
    if any(isinstance(defect, _DAMAGE) for defect in part.defects):
        raise PermanentError(QuarantineReason.UNREADABLE)
    if any(len(str(value)) > limits.header_bytes for _, value in part.raw_items()):
        raise PermanentError(QuarantineReason.UNREADABLE)
    kind = part.get_content_type()
    sealed = kind in _SEALED and str(part.get_param("smime-type", "")) != "signed-data"
    if sealed or kind == "multipart/encrypted":
        raise PermanentError(QuarantineReason.ENCRYPTED)


def _file(part: Message) -> Attachment | None:
    """Return a part as a file; None for what is empty or only signs the rest."""
    inside = part.get_payload()
    if isinstance(inside, list):
        name, content = (
            MAIL_NAME,
            b"\n".join(one.as_bytes() for one in inside if isinstance(one, Message)),
        )
    else:
        name, content = _name(part), bytes_in(part)
    if not content.strip() or part.get_content_type() in _SIGNATURES:
        return None
    return Attachment(name, content)


def _name(part: Message) -> str:
    """Return the sender's name for a part, RFC 2047 and 2231 undone."""
    name = part.get_filename()
    if not name:
        return PART_NAME
    try:
        return str(email.header.make_header(email.header.decode_header(name)))
    except (email.errors.HeaderParseError, LookupError, ValueError):
        return name
