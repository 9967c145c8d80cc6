"""What an operator may set for the summarizer; read once from the environment."""

from typing import ClassVar, Literal

from shared.settings import Settings


class SummarizeSettings(Settings):
    """Variables ``DOCLEDGER_SUMMARIZE_…``.

    Attributes:
        engine: who summarizes. ``rules`` is deterministic and needs nothing besides this process.
    """

    section: ClassVar[str] = "summarize"

    engine: Literal["rules"] = "rules"
