"""The summarizer, built: settings in, worker out. Importing this does no I/O."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from services.summarize.adapters.readings import StoredReadings
from services.summarize.adapters.sandboxed import SandboxedSummarizer
from services.summarize.advised import AdvisedSummarizer
from services.summarize.dates import months
from services.summarize.handler import handle
from services.summarize.ports import Summarizer
from services.summarize.reader_heard import ReaderHeard
from services.summarize.rules import RulesSummarizer
from services.summarize.settings import SummarizerSettings, SummarizeSettings
from services.summarize.vertex_opened import open_model
from shared.clock import Clock, SystemClock
from shared.events.results import Page, Reading, Word
from shared.sandbox.pool import Sandbox
from shared.sandbox.port import TaskRunner
from shared.telemetry.metrics import Metrics, NullMetrics
from shared.worker.built import Worker
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


def build(  # noqa: PLR0913 - each is something the worker stands on
    *,
    results: Results,
    settings: SummarizeSettings | None = None,
    summarizer: Summarizer | None = None,
    sandbox: TaskRunner | None = None,
    metrics: Metrics | None = None,
    clock: Clock | None = None,
) -> Worker:
    """Return the worker.

    Args:
        results: opens what the reader stored.
        settings: read from the environment when None.
        summarizer: what the settings name when None.
        sandbox: runs what foreign XML touches; a pool of confined processes when None.
        metrics: counts what a model costs; nowhere when None.
        clock: time.

    Raises:
        UserError: the environment is wrong.
    """
    settings = settings or SummarizeSettings.from_environment()
    closers: list[Callable[[], None]] = []
    canary = summarizer
    if summarizer is None:
        metrics, clock = metrics or NullMetrics(), clock or SystemClock()
        chosen = SummarizerSettings.from_environment()
        model = None
        if chosen.summarizer == "vertex":
            model = open_model(chosen, metrics=metrics, clock=clock)
            closers.append(model.close)
        if sandbox is None:
            sandbox = pool = Sandbox(settings.sandbox(), settings.children)
            closers.append(pool.close)
        # The canary stays with the rules: what Vertex AI does is not this worker's health.
        summarizer = canary = SandboxedSummarizer(sandbox, RulesSummarizer())
        if model is not None:
            summarizer = AdvisedSummarizer(canary, model, metrics=metrics, clock=clock)
        summarizer = ReaderHeard(summarizer)
    assert canary is not None
    months()  # month names are loaded before the first document waits for them
    return Worker(
        handle=partial(handle, readings=StoredReadings(results), summarizer=summarizer),
        canary=partial(_sing, canary),
        close=partial(_close, closers),
    )


def _close(closers: Sequence[Callable[[], None]]) -> None:
    for close in closers:
        close()


def _sing(summarizer: Summarizer) -> None:
    """Summarize the canary; whatever it raises says that the worker is broken."""
    summarizer.summarize(_CANARY)
