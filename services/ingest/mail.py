"""E-mail (RFC 5322, MIME): its text and its attachments, each to become a document of its own.

The ``compat32`` policy parses no header's value: under the newer one a 100 KB ``From`` takes 14 s.
"""

import email
import email.errors
import email.header
import email.policy
from collections.abc import Iterator
from email.message import Message
from typing import Final

from services.ingest.html_text import text_of
from services.ingest.inspection import Attachment, InspectionLimits
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
_HTML_SAYS_MORE: Final = 4
"""An HTML body this many times longer than the plain one is the real one: some senders put only
"your reader cannot show this" into the plain part."""

BODY_NAME: Final = "message.txt"
MAIL_NAME: Final = "message.eml"
PART_NAME: Final = "attachment"


def attachments(content: bytes, limits: InspectionLimits) -> tuple[Attachment, ...]:
    """Return the body's text (if there is any) and every attachment.

    Raises:
        PermanentError: ``encrypted``, ``unreadable`` (damaged, truncated, or a header over its
            limit) or ``too_deep`` (levels or number of parts).
    """
    try:
        message = email.message_from_bytes(content, policy=email.policy.compat32)
        leaves = list(_leaves(message, limits))
        plain = [_text(part) for part in leaves if _is_body(part, "plain")]
        html = [text_of(_text(part)) for part in leaves if _is_body(part, "html")]
        files = [_file(part) for part in leaves if not _is_text_body(part)]
    except RecursionError as err:
        raise PermanentError(QuarantineReason.TOO_DEEP) from err
    except (LookupError, TypeError, ValueError, AssertionError) as err:
        raise PermanentError(QuarantineReason.UNREADABLE) from err
    body = _body("\n".join(plain).strip(), "\n".join(html).strip())
    texts = (Attachment(BODY_NAME, body.encode("utf-8", "replace")),) if body else ()
    return (*texts, *(file for file in files if file is not None))


def _leaves(message: Message, limits: InspectionLimits) -> Iterator[Message]:
    """Yield the parts without parts, in order; an attached e-mail is one. Checks every part."""
    waiting = [(message, 0, True)]
    parts = 0
    while waiting:
        part, depth, wanted = waiting.pop()
        parts += 1
        if depth > limits.mail_depth or parts > limits.mail_parts:
            raise PermanentError(QuarantineReason.TOO_DEEP)
        _check(part, limits)
        inside = part.get_payload()
        mail = part.get_content_maintype() == "message"
        if wanted and (mail or not isinstance(inside, list)):
            yield part
        if isinstance(inside, list):
            below = [one for one in inside if isinstance(one, Message)]
            waiting += [(one, depth + 1, wanted and not mail) for one in reversed(below)]


def _check(part: Message, limits: InspectionLimits) -> None:
    if any(isinstance(defect, _DAMAGE) for defect in part.defects):
        raise PermanentError(QuarantineReason.UNREADABLE)
    if any(len(str(value)) > limits.header_bytes for _, value in part.raw_items()):
        raise PermanentError(QuarantineReason.UNREADABLE)
    kind = part.get_content_type()
    sealed = kind in _SEALED and str(part.get_param("smime-type", "")) != "signed-data"
    if sealed or kind == "multipart/encrypted":
        raise PermanentError(QuarantineReason.ENCRYPTED)


def _is_text_body(part: Message) -> bool:
    return _is_body(part, "plain") or _is_body(part, "html")


def _is_body(part: Message, subtype: str) -> bool:
    return (
        part.get_content_type() == f"text/{subtype}"
        and part.get_content_disposition() != "attachment"
        and part.get_filename() is None
    )


def _body(plain: str, html: str) -> str:
    return html if len(html) > len(plain) * _HTML_SAYS_MORE else plain


def _text(part: Message) -> str:
    raw = _bytes(part)
    charset = part.get_content_charset("utf-8")
    try:
        return raw.decode(charset, "replace").replace("\x00", "")
    except LookupError:
        return raw.decode("utf-8", "replace").replace("\x00", "")


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _file(part: Message) -> Attachment | None:
    """Return a part as a file; None for what is empty or only signs the rest."""
    inside = part.get_payload()
    if isinstance(inside, list):
        name, content = (
            MAIL_NAME,
            b"\n".join(one.as_bytes() for one in inside if isinstance(one, Message)),
        )
    else:
        name, content = _name(part), _bytes(part)
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
