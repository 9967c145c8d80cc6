"""A model on Vertex AI, over Google's client: one bounded question, its answer as it came.

The document is the user's message, our instructions are the system's; there are no tools, the
answer is made under a schema at temperature 0. Nothing of a document, an answer or the service's
text gets into an error: chains are cut where they would carry it.

Source: cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference.
"""

from threading import Lock
from typing import Final, NoReturn

import httpx2
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError, TransportError
from google.genai import Client, errors, types
from tenacity import (
    Retrying,
    retry_if_exception_type,
    wait_random_exponential,
)

from services.summarize.adapters.vertex_stream import bound_answer
from services.summarize.answer import SCHEMA
from services.summarize.metering import Meter
from services.summarize.ports import InsteadError
from services.summarize.prices import Price
from services.summarize.prompt import Prompt
from services.summarize.vertex_settings import VertexSettings
from shared.clock import Clock
from shared.telemetry.reasons import InsteadReason

_FIRST_DELAY_S: Final = 0.25
_MOST_DELAY_S: Final = 4.0
_TOO_MANY: Final = 429
_SERVER: Final = 500

_BLOCKED: Final = frozenset(
    {
        types.FinishReason.SAFETY,
        types.FinishReason.RECITATION,
        types.FinishReason.BLOCKLIST,
        types.FinishReason.PROHIBITED_CONTENT,
        types.FinishReason.SPII,
        types.FinishReason.MODEL_ARMOR,
    }
)


class _AgainError(InsteadError):
    """It may work at the next try."""


class VertexModel:
    """``ports.Model`` on Vertex AI. Thread-safe; opened on first use.

    Args:
        project: whose quota and bill.
        location: where documents are processed.
        settings: model, bounds, patience.
        price: what the model costs, and what it may think.
        meter: counts what is spent.
        clock: time.
        emulator: ``host:port`` of a local server that speaks the API; Vertex AI itself, under our
            own identity, when None.
    """

    def __init__(  # noqa: PLR0913 - where, what, how long, at what price
        self,
        *,
        project: str,
        location: str,
        settings: VertexSettings,
        price: Price,
        meter: Meter,
        clock: Clock,
        emulator: str | None = None,
    ) -> None:
        self._project, self._location = project, location
        self._settings = settings
        self._meter = meter
        self._clock = clock
        self._emulator = emulator
        self._thinking = price.thinking
        self._lock = Lock()
        self._client: Client | None = None
        self._http: httpx2.Client | None = None

    def __repr__(self) -> str:
        return "VertexModel()"

    @property
    def name(self) -> str:
        """What the model is called."""
        return self._settings.model

    @property
    def most_tokens(self) -> int:
        """How long a question may be."""
        return self._settings.most_input_tokens

    def ask(self, prompt: Prompt) -> str:
        """Return the answer as it came; see ``services.summarize.ports.Model``."""
        ends = self._clock.monotonic() + self._settings.deadline_s
        paid = 0

        def once() -> str:
            nonlocal paid
            left = ends - self._clock.monotonic()
            if left <= 0:
                raise InsteadError(InsteadReason.UNAVAILABLE)
            try:
                answer = self._call(prompt, min(left, self._settings.attempt_s))
            except httpx2.TimeoutException:
                # It may have been answered, and paid, after we stopped listening.
                self._meter.called(asked=0, answered=0, before=paid)
                paid += 1
                raise _AgainError(InsteadReason.UNAVAILABLE) from None
            asked, answered = self._used(answer, prompt)
            self._meter.called(asked=asked, answered=answered, before=paid)
            paid += 1
            return _text(answer)

        retrying = Retrying(
            retry=retry_if_exception_type(_AgainError),
            stop=lambda state: (
                state.attempt_number >= self._settings.tries
                or self._clock.monotonic() + state.upcoming_sleep >= ends
            ),
            wait=wait_random_exponential(multiplier=_FIRST_DELAY_S, max=_MOST_DELAY_S),
            sleep=self._clock.sleep,
            reraise=True,
        )
        return retrying(once)

    def close(self) -> None:
        """Close the connections; the next question opens others."""
        with self._lock:
            http, self._http, self._client = self._http, None, None
        if http is not None:
            http.close()

    def _call(self, prompt: Prompt, seconds: float) -> types.GenerateContentResponse:
        try:
            return self._open().models.generate_content(
                model=self._settings.model,
                contents=[types.Content(role="user", parts=[types.Part(text=prompt.document)])],
                config=self._config(prompt, seconds),
            )
        except httpx2.TimeoutException:
            raise
        except httpx2.DecodingError:
            raise InsteadError(InsteadReason.UNUSABLE) from None
        except errors.APIError as error:
            _translate(error)
        except (httpx2.HTTPError, TransportError):
            raise _AgainError(InsteadReason.UNAVAILABLE) from None
        except GoogleAuthError:
            raise InsteadError(InsteadReason.REFUSED) from None
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError):
            # What Google's client raises over a body that is no answer of this API.
            raise InsteadError(InsteadReason.UNUSABLE) from None

    def _config(self, prompt: Prompt, seconds: float) -> types.GenerateContentConfig:
        thinking = None
        if self._thinking is not None:
            thinking = types.ThinkingConfig(thinking_budget=self._thinking)
        return types.GenerateContentConfig(
            system_instruction=prompt.instructions,
            temperature=0.0,
            candidate_count=1,
            max_output_tokens=self._settings.most_output_tokens,
            response_mime_type="application/json",
            response_schema=SCHEMA,
            thinking_config=thinking,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
            http_options=types.HttpOptions(timeout=max(1, int(seconds * 1000))),
        )

    def _used(self, answer: types.GenerateContentResponse, prompt: Prompt) -> tuple[int, int]:
        """Return tokens asked and answered; what cannot be is cut to what can."""
        usage = answer.usage_metadata
        if usage is None:
            return 0, 0
        told = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
        return (
            min(max(0, usage.prompt_token_count or 0), prompt.most_tokens),
            min(max(0, told), self._settings.most_output_tokens),
        )

    def _open(self) -> Client:
        with self._lock:
            if self._client is None:
                self._http = httpx2.Client(
                    event_hooks={"response": [bound_answer]}, trust_env=self._emulator is None
                )
                options = types.HttpOptions(api_version="v1", httpx_client=self._http)
                if self._emulator is not None:
                    options.base_url = f"http://{self._emulator}"
                self._client = Client(
                    vertexai=True,
                    project=self._project,
                    location=self._location,
                    credentials=None if self._emulator is None else _nobody(),
                    http_options=options,
                )
            return self._client


def _nobody() -> AnonymousCredentials:
    """Return an identity for a server that asks for none."""
    nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
    nobody.token = "local"  # noqa: S105 - the client insists on one; the emulator ignores it
    return nobody


def _translate(error: errors.APIError) -> NoReturn:
    """Raise what an HTTP status means; the service's text may quote a document and stays behind."""
    if error.code == _TOO_MANY:
        raise _AgainError(InsteadReason.QUOTA) from None
    if isinstance(error.code, int) and error.code >= _SERVER:
        raise _AgainError(InsteadReason.UNAVAILABLE) from None
    raise InsteadError(InsteadReason.REFUSED) from None


def _text(answer: types.GenerateContentResponse) -> str:
    """Return the one text of an answer that was finished.

    Raises:
        InsteadError: there is none.
    """
    feedback = answer.prompt_feedback
    if feedback is not None and feedback.block_reason is not None:
        raise InsteadError(InsteadReason.BLOCKED)
    candidates = answer.candidates or []
    if len(candidates) != 1:
        raise InsteadError(InsteadReason.UNUSABLE)
    (one,) = candidates
    if one.finish_reason in _BLOCKED:
        raise InsteadError(InsteadReason.BLOCKED)
    if one.finish_reason is not types.FinishReason.STOP or one.content is None:
        raise InsteadError(InsteadReason.UNUSABLE)
    parts = [part for part in one.content.parts or [] if not part.thought]
    if not parts or any(part.text is None for part in parts):
        raise InsteadError(InsteadReason.UNUSABLE)
    return "".join(part.text or "" for part in parts)
