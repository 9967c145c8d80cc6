"""What can be set about ocr: ``DOCLEDGER_OCR_<FIELD>``."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.sandbox.port import Limits
from shared.settings import Settings

Positive = Annotated[int, Field(ge=1)]


class OcrSettings(Settings):
    """How much is read in one delivery, and what the process that reads may use.

    Attributes:
        pages_per_range: read in one delivery; a longer document is cut into ranges. A scanned page
            takes one to three processor seconds, and a range must end well inside a lease.
        children: sandboxed processes side by side.
        memory_mb: address space of each; models and libraries alone take 0.6 GB of it.
        cpu_s: processor seconds of one range.
        wall_s: seconds of one range.
        tasks: ranges that a process reads before a fresh one takes its place.
    """

    section: ClassVar[str] = "ocr"

    pages_per_range: Positive = 8
    children: Positive = 1
    memory_mb: Annotated[int, Field(ge=1024)] = 1536
    cpu_s: Positive = 90
    wall_s: Annotated[float, Field(gt=0)] = 240.0
    tasks: Positive = 200

    def sandbox(self) -> Limits:
        """Return what a sandboxed process may use."""
        return Limits(
            memory_mb=self.memory_mb, cpu_s=self.cpu_s, wall_s=self.wall_s, tasks=self.tasks
        )
