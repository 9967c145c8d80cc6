"""A model on Vertex AI, from its settings."""

from typing import TYPE_CHECKING

from services.summarize.metering import Meter
from services.summarize.prices import price_of
from services.summarize.settings import SummarizerSettings
from services.summarize.vertex_settings import VertexSettings, vertex_emulator
from shared.clock import Clock
from shared.errors import UserError
from shared.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from services.summarize.adapters.vertex import VertexModel


def open_model(settings: SummarizerSettings, *, metrics: Metrics, clock: Clock) -> "VertexModel":
    """Return the model; nothing is connected before the first document.

    Args:
        settings: for which project.
        metrics: where calls, tokens and money are counted.
        clock: time.

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
    emulator = vertex_emulator()
    price = price_of(vertex.model, vertex.prices)
    try:
        from services.summarize.adapters.vertex import VertexModel  # noqa: PLC0415 - costs 1 s
    except ImportError:
        raise UserError(
            "DOCLEDGER_SUMMARIZER=vertex needs google-genai: install docledger[vertex]"
        ) from None
    return VertexModel(
        project=settings.project,
        location=vertex.location,
        settings=vertex,
        price=price,
        meter=Meter(metrics, price),
        clock=clock,
        emulator=emulator,
    )
