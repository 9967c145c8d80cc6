"""What these tests stand on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from services.summarize.metering import Meter
from services.summarize.prices import price_of
from services.summarize.vertex_settings import VertexSettings
from shared.clock import SystemClock
from shared.telemetry.metrics import NullMetrics
from tests.emulators.vertex import (
    LOCATION,
    MODEL,
    PROJECT,
    VertexServer,
    vertex_process,
    vertex_server,
)

if TYPE_CHECKING:
    from services.summarize.adapters.vertex import VertexModel

__all__ = ["vertex_process", "vertex_server"]


@pytest.fixture(scope="module")
def opened(vertex_process: VertexServer) -> Iterator["VertexModel"]:
    """Give a model on the server; a client for each test would take its time."""
    from services.summarize.adapters.vertex import VertexModel  # noqa: PLC0415 - costs a second

    price = price_of(MODEL)
    model = VertexModel(
        project=PROJECT,
        location=LOCATION,
        settings=VertexSettings(location=LOCATION),
        price=price,
        meter=Meter(NullMetrics(), price),
        clock=SystemClock(),
        emulator=vertex_process.address,
    )
    yield model
    model.close()
