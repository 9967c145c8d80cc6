"""The pages that are sent elsewhere, cut out in a sandboxed process."""

import json
from dataclasses import dataclass, field
from typing import Final

from pydantic import TypeAdapter, ValidationError

from shared.errors import PermanentError
from shared.events.payloads import MediaType
from shared.events.results import EInvoice
from shared.sandbox.port import TaskRunner
from shared.telemetry.reasons import QuarantineReason

TASK: Final = "services.ocr.adapters.cut_task:cut_pages"

_SIZES: Final = TypeAdapter(tuple[tuple[float, float], ...])


@dataclass(frozen=True, slots=True)
class Cut:
    """One range of a document.

    Attributes:
        file: with exactly these pages; empty where it was only looked at.
        sizes: of the pages, in points.
        einvoice: what the document embeds, of a range that begins with page 1.
    """

    file: bytes = field(repr=False)
    sizes: tuple[tuple[float, float], ...]
    einvoice: EInvoice | None = field(repr=False)


class Cutter:
    """Cuts pages out.

    Args:
        runner: the sandbox.
    """

    def __init__(self, runner: TaskRunner) -> None:
        self._runner = runner

    def cut(
        self, content: bytes, media_type: MediaType, *, first: int, last: int, look: bool = False
    ) -> Cut:
        """Return pages ``first`` to ``last`` as a file of the same type.

        Args:
            content: the whole document.
            media_type: its type.
            first: page, from 1.
            last: page, included.
            look: whether to learn sizes and e-invoice only.

        Raises:
            PermanentError: the document cannot be read; the reason says why.
            TransientError: the sandbox is unavailable.
        """
        answer = self._runner.run(
            TASK,
            content,
            {"media_type": media_type.value, "first": first, "last": last, "look": look},
        )
        head, _, file = answer.partition(b"\n")
        try:
            told = json.loads(head)
            sizes = _SIZES.validate_python(told["sizes"])
            embedded = told["einvoice"]
            einvoice = EInvoice.model_validate(embedded) if embedded is not None else None
            whole = bool(told["whole"])
        except (ValidationError, ValueError, KeyError, TypeError):
            # As for the reader: an answer out of shape means that the bytes took the child over.
            raise PermanentError(QuarantineReason.UNREADABLE) from None
        return Cut(content if whole and not look else file, sizes, einvoice)
