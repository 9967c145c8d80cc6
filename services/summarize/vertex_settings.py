"""What an operator may set for the summarizer on Vertex AI: ``DOCLEDGER_VERTEX_…``."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import Field

from shared.production import refuse_in_production
from shared.settings import Settings

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_VERTEX_EMULATOR"


class VertexSettings(Settings):
    """Variables ``DOCLEDGER_VERTEX_…``.

    What one document may cost at most: ``tries`` calls of ``most_input_tokens`` and
    ``most_output_tokens``, at the table's prices. No document takes longer than ``deadline_s``,
    which is less than the time that Pub/Sub waits for an answer (``infra/topology.yaml``).

    Attributes:
        location: where documents may be processed (``europe-west3``); there is no default.
        model: as Vertex AI names it; it must have a price.
        prices: a table of one's own; the one that comes with this version when unset.
        most_input_tokens: of one call; a longer document is the embedded summarizer's.
        most_output_tokens: of one call.
        attempt_s: so long may one call take.
        deadline_s: so long may all calls for one document take, with the waiting between them.
        tries: calls for one document, at most.
    """

    section: ClassVar[str] = "vertex"

    location: Annotated[str, Field(pattern=r"^(global|[a-z]+(-[a-z]+[0-9]+)?)$")] | None = None
    model: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{2,63}$")] = "gemini-2.5-flash"
    prices: Path | None = None
    most_input_tokens: Annotated[int, Field(ge=2_000, le=1_000_000)] = 32_000
    most_output_tokens: Annotated[int, Field(ge=256, le=16_384)] = 2_048
    attempt_s: Annotated[float, Field(gt=0, le=30)] = 15.0
    deadline_s: Annotated[float, Field(gt=0, le=45)] = 30.0
    tries: Annotated[int, Field(ge=1, le=5)] = 3


class UnsafeVertexSettings(Settings):
    """The variable that is named for its danger.

    Attributes:
        unsafe_vertex_emulator: ``host:port`` of a server that is taken for Vertex AI, unencrypted
            and unauthenticated: it is handed the words of documents.
    """

    unsafe_vertex_emulator: Annotated[str, Field(pattern=r"^[a-z0-9.-]+:[0-9]{1,5}$")] | None = None


def vertex_emulator(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Vertex AI itself is meant.

    Raises:
        UserError: a service in production is told to hand documents to an emulator.
    """
    environ = os.environ if environ is None else environ
    emulator = UnsafeVertexSettings.from_environment(environ).unsafe_vertex_emulator
    if emulator:
        refuse_in_production(UNSAFE_VARIABLE, environ)
    return emulator
