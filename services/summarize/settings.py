"""What an operator may set for the summarizer; read once from the environment."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from shared.sandbox.port import Limits
from shared.settings import Settings

Positive = Annotated[int, Field(ge=1)]


class SummarizeSettings(Settings):
    """Variables ``DOCLEDGER_SUMMARIZE_…``.

    Attributes:
        children: sandboxed processes for foreign XML, side by side.
        memory_mb: address space of each.
        cpu_s: processor seconds of one document.
        wall_s: seconds of one document.
    """

    section: ClassVar[str] = "summarize"

    children: Positive = 1
    memory_mb: Annotated[int, Field(ge=512)] = 768
    cpu_s: Positive = 20
    wall_s: Annotated[float, Field(gt=0)] = 40.0

    def sandbox(self) -> Limits:
        """Return what a sandboxed process may use."""
        return Limits(memory_mb=self.memory_mb, cpu_s=self.cpu_s, wall_s=self.wall_s)


class SummarizerSettings(Settings):
    """Who summarizes.

    Attributes:
        summarizer: ``embedded`` is rules, deterministic, and needs nothing besides this machine.
            ``vertex`` asks a model on Vertex AI as well (``services.summarize.vertex_settings``).
        project: whose quota and bill a model is asked on; ``vertex`` needs it.
    """

    summarizer: Literal["embedded", "vertex"] = "embedded"
    project: str | None = None
