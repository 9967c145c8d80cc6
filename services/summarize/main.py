"""The summarizer, built: settings in, worker out. Importing this does no I/O."""

from functools import partial
from typing import Final

from services.summarize.adapters.readings import StoredReadings
from services.summarize.adapters.sandboxed import SandboxedSummarizer
from services.summarize.dates import months
from services.summarize.handler import handle
from services.summarize.ports import Summarizer
from services.summarize.rules import RulesSummarizer
from services.summarize.settings import SummarizeSettings
from shared.events.results import Page, Reading, Word
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
from shared.worker.built import Worker, nothing
from shared.worker.results import Results

_CANARY: Final = Reading(
    pages=(
        Page(
            number=1,
            width=595,
            height=842,
            engine="plain_text",
            words=tuple(
                Word(
                    text,
                    (0.1 * place, 0.1 * line, 0.1 * place + 0.08, 0.1 * line + 0.02),
                    1.0,
                    line,
                )
                for line, texts in enumerate(
                    (("Invoice", "C-1"), ("Date:", "2026-01-31"), ("Total:", "EUR", "1.00")),
                    start=1,
                )
                for place, text in enumerate(texts, start=1)
            ),
        ),
    )
)
"""A document that any working summarizer can do."""


def build(
    *,
    results: Results,
    settings: SummarizeSettings | None = None,
    summarizer: Summarizer | None = None,
    sandbox: TaskRunner | None = None,
) -> Worker:
    """Return the worker.

    Args:
        results: opens what the reader stored.
        settings: read from the environment when None.
        summarizer: what the settings name when None.
        sandbox: runs what foreign XML touches; a pool of confined processes when None.

    Raises:
        UserError: the environment is wrong.
    """
    settings = settings or SummarizeSettings.from_environment()
    close = nothing
    if summarizer is None:
        if sandbox is None:
            pool = Sandbox(settings.sandbox(), settings.children)
            sandbox, close = pool, pool.close
        summarizer = SandboxedSummarizer(sandbox, RulesSummarizer())
    months()  # month names are loaded before the first document waits for them
    return Worker(
        handle=partial(handle, readings=StoredReadings(results), summarizer=summarizer),
        canary=partial(_sing, summarizer),
        close=close,
    )


def _sing(summarizer: Summarizer) -> None:
    """Summarize the canary; whatever it raises says that the worker is broken."""
    summarizer.summarize(_CANARY)
