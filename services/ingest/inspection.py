"""What one look at foreign bytes tells, and how it crosses from the sandbox."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self

from shared.events.payloads import MediaType

TASK: Final = "services.ingest.adapters.inspect:inspect"
"""What the sandbox runs; it returns an encoded ``Inspection``."""

_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class InspectionLimits:
    """What a document may be made of.

    Attributes:
        pages: of a document.
        pixels: of one image, or of one page at ``render_dpi``.
        render_dpi: dots per inch at which a page's pixels are counted.
        mail_parts: of an e-mail, all levels together.
        mail_depth: levels of an e-mail's parts.
        header_bytes: of one header of an e-mail.
        xml_depth: levels of elements.
    """

    pages: int = 2_000
    pixels: int = 100_000_000
    render_dpi: int = 150
    mail_parts: int = 500
    mail_depth: int = 20
    header_bytes: int = 65_536
    xml_depth: int = 100


@dataclass(frozen=True, slots=True)
class Attachment:
    """One part of an e-mail that becomes a submission of its own."""

    source_name: str = field(repr=False)
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a document is.

    Attributes:
        media_type: by content.
        pages: that are really there; 0 for an e-mail.
        attachments: of an e-mail, its text first.
    """

    media_type: MediaType
    pages: int
    attachments: tuple[Attachment, ...] = ()

    def encoded(self) -> bytes:
        """Return a length, a JSON header and the attachments' bytes."""
        header = json.dumps(
            {
                "media_type": self.media_type.value,
                "pages": self.pages,
                "attachments": [[one.source_name, len(one.content)] for one in self.attachments],
            }
        ).encode()
        contents = (one.content for one in self.attachments)
        return b"".join((len(header).to_bytes(_LENGTH_BYTES, "big"), header, *contents))

    @classmethod
    def decoded(cls, answer: bytes) -> Self:
        """Return what a child encoded.

        Raises:
            ValueError: a child that was taken over sent something else.
        """
        end = _LENGTH_BYTES + int.from_bytes(answer[:_LENGTH_BYTES], "big")
        try:
            header: dict[str, Any] = json.loads(answer[_LENGTH_BYTES:end])
            pages = int(header["pages"])
            sizes = [(str(name), int(size)) for name, size in header["attachments"]]
            media_type = MediaType(header["media_type"])
        except (KeyError, TypeError, ValueError, RecursionError) as err:
            raise ValueError("no inspection") from err
        least = 0 if media_type is MediaType.EMAIL else 1
        if pages < least or any(size < 0 for _, size in sizes):
            raise ValueError("no inspection")
        attachments = []
        for name, size in sizes:
            attachments.append(Attachment(name, answer[end : end + size]))
            end += size
        if end != len(answer):
            raise ValueError("no inspection")
        return cls(media_type, pages, tuple(attachments))


def parameters_of(limits: InspectionLimits) -> dict[str, int]:
    """Return the limits as parameters of the sandboxed task."""
    return asdict(limits)


def limits_in(parameters: Mapping[str, Any]) -> InspectionLimits:
    """Return the limits that ``parameters_of`` wrote."""
    return InspectionLimits(**parameters)
