"""A model on Vertex AI, from its settings."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from services.summarize.metering import Meter
from services.summarize.prices import Price, price_of
from services.summarize.settings import SummarizerSettings
from services.summarize.vertex_settings import VertexSettings, vertex_emulator
from shared.clock import Clock
from shared.errors import UserError
from shared.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from services.summarize.adapters.vertex import VertexModel


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the settings choose, checked."""

    project: str
    location: str
    settings: VertexSettings
    price: Price
    emulator: str | None


def choose(settings: SummarizerSettings) -> Chosen:
    """Return which model is asked, where and at what price.

    Raises:
        UserError: a setting is missing or wrong.
    """
    vertex = VertexSettings.from_environment()
    if settings.project is None:
        raise UserError("DOCLEDGER_SUMMARIZER=vertex needs DOCLEDGER_PROJECT: set it")
    if vertex.location is None:
        raise UserError(
            "DOCLEDGER_SUMMARIZER=vertex needs DOCLEDGER_VERTEX_LOCATION: "
            "name the region in which documents may be processed"
        )
    if vertex.attempt_s > vertex.deadline_s:
        raise UserError(
            "DOCLEDGER_VERTEX_ATTEMPT_S is longer than DOCLEDGER_VERTEX_DEADLINE_S: shorten it"
        )
    if find_spec("google") is None or find_spec("google.genai") is None:
        raise UserError("DOCLEDGER_SUMMARIZER=vertex needs google-genai: install docledger[vertex]")
    return Chosen(
        project=settings.project,
        location=vertex.location,
        settings=vertex,
        price=price_of(vertex.model, vertex.prices),
        emulator=vertex_emulator(),
    )


def check_vertex() -> None:
    """Say what is wrong with the settings before a worker dies of it.

    Raises:
        UserError: a model is to be asked, and a setting for it is missing or wrong.
    """
    settings = SummarizerSettings.from_environment()
    if settings.summarizer == "vertex":
        choose(settings)


def open_model(settings: SummarizerSettings, *, metrics: Metrics, clock: Clock) -> "VertexModel":
    """Return the model; nothing is connected before the first document.

    Args:
        settings: for which project.
        metrics: where calls, tokens and money are counted.
        clock: time.

    Raises:
        UserError: a setting is missing or wrong.
    """
    chosen = choose(settings)
    from services.summarize.adapters.vertex import VertexModel  # noqa: PLC0415 - costs 1 s

    return VertexModel(
        project=chosen.project,
        location=chosen.location,
        settings=chosen.settings,
        price=chosen.price,
        meter=Meter(metrics, chosen.price),
        clock=clock,
        emulator=chosen.emulator,
    )
