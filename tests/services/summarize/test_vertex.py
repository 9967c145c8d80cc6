"""Google's client against a server that speaks the API: what is asked, and what breaks."""

import json
import logging
import traceback
from typing import TYPE_CHECKING, cast

import pytest

from services.summarize.adapters.vertex import VertexModel
from services.summarize.answer import read_answer
from services.summarize.layout import lay_out
from services.summarize.main import build
from services.summarize.metering import Meter
from services.summarize.ports import InsteadError
from services.summarize.prices import price_of
from services.summarize.prompt import prompt_of
from services.summarize.vertex_settings import VertexSettings
from shared.clock import SystemClock
from shared.events.results import Speaker, Summary
from shared.telemetry.metrics import Metric
from shared.telemetry.reasons import InsteadReason
from shared.telemetry.registry import MemoryMetrics
from shared.worker.attempts import begun
from tests.emulators.vertex import LOCATION, MODEL, PROJECT, Fault, VertexServer
from tests.services.summarize.answers import saying
from tests.services.summarize.documents import INVOICE
from tests.services.summarize.findings import found
from tests.services.summarize.test_handler import READ, FakeReadings, built, event
from tests.services.summarize.writing import reading
from tests.waiting import wait_until

if TYPE_CHECKING:
    from shared.worker.results import Results

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

R = InsteadReason
PROMPT = prompt_of(lay_out(reading(INVOICE).pages))
CONTENT = ("Muster", "Beispiel AG", "119,00", "4711")


class Impatient(SystemClock):
    """Real time, in which nobody waits between tries."""

    def __init__(self) -> None:
        self.waited: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Remember the wait instead."""
        self.waited.append(seconds)


class Rushing(Impatient):
    """Time that jumps three seconds whenever somebody looks."""

    at = 0.0

    def monotonic(self) -> float:
        """Return a later moment."""
        self.at += 3
        return self.at


class Asking:
    """A model on the server, and what it counts."""

    def __init__(self, server: VertexServer, opened: VertexModel) -> None:
        server.answer = lambda _words: saying()
        self.server, self.metrics, self.clock = server, MemoryMetrics(), Impatient()
        self._opened = opened

    def model(self, **changed: object) -> VertexModel:
        """Return the adapter under these settings: one for all tests, its connections cost time."""
        said = {"location": LOCATION, "attempt_s": 5, "deadline_s": 10} | changed
        model = self._opened
        model._settings = VertexSettings.model_validate(said)
        model._meter, model._clock = Meter(self.metrics, price_of(MODEL)), self.clock
        return model

    def refused(self, model: VertexModel) -> InsteadError:
        """Return the error that a question ends with."""
        with pytest.raises(InsteadError) as caught:
            model.ask(PROMPT)
        return caught.value

    def spent(self, unit: str, paid: str = "first") -> float:
        """Return what was counted."""
        return self.metrics.value(Metric.UNITS, stage="summarize", unit=unit, paid=paid)


@pytest.fixture
def asking(vertex_server: VertexServer, opened: VertexModel) -> Asking:
    """Give a way to ask the server."""
    return Asking(vertex_server, opened)


def test_an_answer_comes_back_as_it_was_given(asking: Asking) -> None:
    """The server checks the question: schema, temperature, no tools, words apart."""
    model = asking.model()
    assert read_answer(model.ask(PROMPT)).fields["total_amount"] == "119.00"
    (asked,) = asking.server.asked
    assert "119,00 EUR" in asked.document
    config = asked.body["generationConfig"]
    assert config["thinkingConfig"] in ({"thinkingBudget": 0}, {"thinking_budget": 0})
    assert config["maxOutputTokens"] == VertexSettings().most_output_tokens
    model.close()
    model.ask(PROMPT)  # opens again


@pytest.mark.parametrize(
    ("fault", "reason", "calls"),
    [
        (429, R.QUOTA, 3),
        (500, R.UNAVAILABLE, 3),
        (503, R.UNAVAILABLE, 3),
        (400, R.REFUSED, 1),
        (401, R.REFUSED, 1),
        (403, R.REFUSED, 1),
        (404, R.REFUSED, 1),
        (Fault.DROP, R.UNAVAILABLE, 3),
        (Fault.CUT, R.UNAVAILABLE, 3),
        (Fault.FLOOD, R.UNUSABLE, 1),
        (Fault.GARBAGE, R.UNUSABLE, 1),
        (Fault.ARRAY, R.UNUSABLE, 1),
        (Fault.NESTED, R.UNUSABLE, 1),
        (Fault.EMPTY, R.UNUSABLE, 1),
        (Fault.TWO, R.UNUSABLE, 1),
        (Fault.MOST_TOKENS, R.UNUSABLE, 1),
        (Fault.NO_PARTS, R.UNUSABLE, 1),
        (Fault.FUNCTION_CALL, R.UNUSABLE, 1),
        (Fault.TYPES, R.UNUSABLE, 1),
        (Fault.BLOCKED_PROMPT, R.BLOCKED, 1),
        (Fault.BLOCKED_ANSWER, R.BLOCKED, 1),
    ],
)
def test_every_mishap_is_a_reason_and_carries_no_content(
    asking: Asking, caplog: pytest.LogCaptureFixture, fault: Fault | int, reason: R, calls: int
) -> None:
    """What may pass is tried again, what is paid or refused is not; errors end up in logs."""
    caplog.set_level(logging.DEBUG)
    model = asking.model()
    asking.server.fail_always(fault)
    error = asking.refused(model)
    assert (error.reason, len(asking.server.asked)) == (reason, calls)
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(model)
    assert not any(content in told for content in CONTENT)


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.DRIP])
def test_a_call_without_an_end_is_given_up(asking: Asking, fault: Fault) -> None:
    """A drip of bytes keeps a client's own timeouts quiet; it may be paid for, and is metered."""
    model = asking.model(attempt_s=0.3, tries=2)
    asking.server.fail_always(fault)
    assert asking.refused(model).reason is R.UNAVAILABLE
    wait_until(lambda: len(asking.server.asked) >= 2, what="both tries have arrived")
    assert len(asking.server.asked) == 2
    assert (asking.spent("call"), asking.spent("call", "repeated")) == (1, 1)


def test_no_try_begins_after_the_deadline(asking: Asking) -> None:
    """A push is not held open for a service that is down."""
    asking.clock = Rushing()
    model = asking.model(tries=5)
    asking.server.fail_always(503)
    assert asking.refused(model).reason is R.UNAVAILABLE
    assert 1 <= len(asking.server.asked) < 3


def test_a_second_try_is_enough_where_the_first_failed(asking: Asking) -> None:
    """Quota comes back; the wait before it has jitter and an end."""
    model = asking.model()
    asking.server.fail(429, 503)
    assert read_answer(model.ask(PROMPT)).document_type == "invoice"
    assert len(asking.clock.waited) == 2
    assert all(0 <= wait <= 4 for wait in asking.clock.waited)
    assert asking.spent("call") == 1, "what was refused is not paid"


def test_calls_tokens_and_money_are_metered(asking: Asking) -> None:
    """On-call sees what is spent, by the price table."""
    model = asking.model()
    model.ask(PROMPT)
    asked = len(asking.server.asked[0].document) // 4 + 300
    answered = len(json.dumps(saying())) // 4
    assert asking.spent("call") == 1
    assert asking.spent("token") == asked + answered
    assert asking.spent("micro") == price_of(MODEL).micros(asked, answered)


def test_what_is_paid_again_after_a_crash_is_metered_as_repeated(asking: Asking) -> None:
    """The lease knows that an earlier start had no outcome."""
    model = asking.model()
    begun(lambda _event: model.ask(PROMPT), None, starts=2)
    begun(lambda _event: model.ask(PROMPT), None, starts=1)
    assert (asking.spent("call"), asking.spent("call", "repeated")) == (1, 1)


def test_an_answer_that_cannot_be_used_was_paid_all_the_same(asking: Asking) -> None:
    """A model that always runs into its bound would cost unseen."""
    model = asking.model()
    asking.server.fail(Fault.MOST_TOKENS)
    asking.refused(model)
    assert asking.spent("call") == 1
    assert asking.spent("token") > 0


def test_counts_that_cannot_be_are_cut_to_what_can(asking: Asking) -> None:
    """One damaged answer must not ruin the month's figures."""
    model = asking.model()
    asking.server.fail(Fault.USAGE)
    model.ask(PROMPT)
    assert 0 < asking.spent("token") <= PROMPT.most_tokens


def test_the_worker_asks_the_model_that_its_settings_name(
    monkeypatch: pytest.MonkeyPatch, asking: Asking
) -> None:
    """What production runs: settings in, an event in, a summary of both out, the cost counted."""
    for name, value in {
        "DOCLEDGER_SUMMARIZER": "vertex",
        "DOCLEDGER_PROJECT": PROJECT,
        "DOCLEDGER_VERTEX_LOCATION": LOCATION,
        "DOCLEDGER_UNSAFE_VERTEX_EMULATOR": asking.server.address,
    }.items():
        monkeypatch.setenv(name, value)
    read = reading(INVOICE).model_copy(update={"extraction": found()})
    results = cast("Results", built(FakeReadings(read).open))
    worker = build(results=results, metrics=asking.metrics)
    worker.canary()
    assert asking.server.asked == []
    summary = worker.handle(event(READ)).result
    worker.close()
    assert isinstance(summary, Summary)
    assert summary.speaker == Speaker(engine="vertex", model=MODEL)
    engines = [one.engine for one in summary.fields["total_amount"].evidence]
    assert engines == ["text_layer", "vertex", "documentai"], "the reader was heard too"
    assert asking.spent("call") == 1


def test_without_an_identity_it_is_refused(monkeypatch: pytest.MonkeyPatch, asking: Asking) -> None:
    """No credentials on this machine: the rules speak, and say why."""
    import google.auth  # noqa: PLC0415 - costs half a second
    from google.auth.exceptions import DefaultCredentialsError  # noqa: PLC0415 - same

    def nobody(*_: object, **__: object) -> None:
        raise DefaultCredentialsError("none")  # type: ignore[no-untyped-call] # theirs

    monkeypatch.setattr(google.auth, "default", nobody)
    price = price_of(MODEL)
    model = VertexModel(
        project=PROJECT,
        location=LOCATION,
        settings=VertexSettings(),
        price=price,
        meter=Meter(asking.metrics, price),
        clock=asking.clock,
    )
    assert asking.refused(model).reason is R.REFUSED
    model.close()
