"""What the adapters of Google's models ask for, as local servers heard it, is what is declared."""

import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import pytest

from deploy.iam.calls import load_calls
from services.ocr.adapters.documentai import DocumentAi
from services.ocr.adapters.documentai_channel import DocumentAiChannel
from services.ocr.pace import Pace
from services.summarize.adapters.vertex import VertexModel
from services.summarize.layout import lay_out
from services.summarize.metering import Meter
from services.summarize.prices import price_of
from services.summarize.prompt import prompt_of
from services.summarize.vertex_settings import VertexSettings
from shared.clock import FakeClock
from shared.errors import PermanentError, TransientError
from shared.events.payloads import MediaType
from shared.telemetry.registry import MemoryMetrics
from tests.emulators.documentai import OCR, DocumentAiServer, running_documentai
from tests.emulators.vertex import LOCATION, MODEL, PROJECT, VertexServer, vertex_process
from tests.services.ocr.far_house import drawn
from tests.services.summarize.answers import saying
from tests.services.summarize.documents import INVOICE
from tests.services.summarize.writing import reading

__all__ = ["running_documentai", "vertex_process"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

Asks = Callable[[], object]

METHODS: Final = load_calls().methods
GENERATED: Final = re.compile(
    r"/v1(beta1)?/projects/[^/]+/locations/[^/]+/publishers/google/models/[^/:]+:generateContent"
)


def test_document_ai_is_asked_for_what_is_declared(running_documentai: DocumentAiServer) -> None:
    """Whatever the server answers, it is asked for no more than a reader needs."""
    clock = FakeClock()
    channel = DocumentAiChannel(
        "eu", pace=Pace(600, clock=clock), clock=clock, emulator=running_documentai.address
    )
    remote = DocumentAi(channel)
    page: bytes = drawn(1)
    running_documentai.bucket = None
    asked: dict[str, Asks] = {
        "process": lambda: remote.process(OCR, page, MediaType.PDF),
        "start": lambda: remote.start(OCR, "gs://b/input/d", MediaType.PDF, "gs://b/output/d/"),
        "standing": lambda: remote.standing("projects/p/locations/eu/operations/1"),
    }
    for name, does in asked.items():
        running_documentai.calls.clear()
        with suppress(TransientError, PermanentError):
            does()
        heard = {method for method, _ in running_documentai.calls}
        declared = METHODS[f"DocumentAi.{name}"].calls
        assert heard == {call.rpartition(".")[2] for call in declared}
    channel.close()


def test_a_model_is_asked_for_what_is_declared(vertex_process: VertexServer) -> None:
    """No counting of tokens, no cache, no tools: one call, one permission."""
    vertex_process.reset()
    vertex_process.answer = lambda _words: saying()
    price = price_of(MODEL)
    model = VertexModel(
        project=PROJECT,
        location=LOCATION,
        settings=VertexSettings.model_validate({"location": LOCATION}),
        price=price,
        meter=Meter(MemoryMetrics(), price),
        clock=FakeClock(),
        emulator=vertex_process.address,
    )
    model.ask(prompt_of(lay_out(reading(INVOICE).pages)))
    model.close()
    assert vertex_process.asked
    assert all(GENERATED.fullmatch(one.path) for one in vertex_process.asked)
    assert [*METHODS["VertexModel.ask"].calls] == [
        "google.cloud.aiplatform.v1.PredictionService.GenerateContent"
    ]
