"""The summarizer that asks a model too: the rules read, the model is heard, the rules post."""

from typing import Final

from services.summarize.answer import Answer, UnusableAnswerError, read_answer
from services.summarize.from_pages import summarize_pages
from services.summarize.page_reading import PageReading
from services.summarize.ports import InsteadError, Model, Summarizer
from services.summarize.prompt import prompt_of
from services.summarize.rules import forget
from services.summarize.second_opinion import advised
from shared.clock import Clock
from shared.events.results import Reading, Speaker, Summary
from shared.telemetry.metrics import Metric, Metrics
from shared.telemetry.reasons import InsteadReason
from shared.telemetry.stages import Stage

PATIENCE: Final = 3
"""After so many documents in a row without an answer the model is left alone for a while."""

REST_S: Final = 30.0

_DOWN: Final = frozenset({InsteadReason.UNAVAILABLE, InsteadReason.QUOTA, InsteadReason.REFUSED})
"""What speaks against the service rather than against one document."""


class AdvisedSummarizer:
    """Says what a document is and says, with a model's second opinion where it can be had.

    Args:
        rules: the embedded summarizer, for what no model is asked about.
        model: who is asked.
        metrics: counts the documents that the rules did alone.
        clock: time.
    """

    def __init__(self, rules: Summarizer, model: Model, *, metrics: Metrics, clock: Clock) -> None:
        self._rules = rules
        self._model = model
        self._metrics = metrics
        self._clock = clock
        self._failures = 0
        self._rests_until = 0.0

    def summarize(self, reading: Reading) -> Summary:
        """Return the summary, which says who spoke; see ``services.summarize.ports.Summarizer``."""
        if reading.einvoice is not None:
            return self._alone(self._rules.summarize(reading), InsteadReason.XML)
        page = PageReading(reading.pages)
        try:
            summary = summarize_pages(page)
            try:
                answer = self._ask(page)
            except InsteadError as error:
                return self._alone(summary, error.reason)
            told = advised(summary, answer, page)
        finally:
            forget()
        speaker = Speaker(engine="vertex", model=self._model.name)
        return told.model_copy(update={"speaker": speaker})

    def _ask(self, page: PageReading) -> Answer:
        if not page.sheet.rows:
            raise InsteadError(InsteadReason.NO_WORDS)
        prompt = prompt_of(page.sheet)
        if prompt.most_tokens > self._model.most_tokens:
            raise InsteadError(InsteadReason.TOO_LONG)
        if self._clock.monotonic() < self._rests_until:
            raise InsteadError(InsteadReason.RESTING)
        try:
            answer = read_answer(self._model.ask(prompt))
        except UnusableAnswerError:
            raise InsteadError(InsteadReason.UNUSABLE) from None
        except InsteadError as error:
            self._failed(error.reason)
            raise
        self._failures = 0
        return answer

    def _failed(self, reason: InsteadReason) -> None:
        self._failures = self._failures + 1 if reason in _DOWN else 0
        if self._failures >= PATIENCE:
            self._failures = 0
            self._rests_until = self._clock.monotonic() + REST_S

    def _alone(self, summary: Summary, reason: InsteadReason) -> Summary:
        self._metrics.count(Metric.INSTEAD, stage=Stage.SUMMARIZE, reason=reason)
        return summary.model_copy(update={"speaker": Speaker(instead=reason)})
