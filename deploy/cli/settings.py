"""Every setting that the command's processes read, and the misspelt ones told."""

from collections.abc import Iterable
from typing import Final

from deploy.cli.screen import safe, to_stderr
from deploy.local.settings import RetentionSettings
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.settings import IngestSettings, RegisterSettings
from services.ledger.settings import LedgerSettings, LogPlaceSettings
from services.ocr.settings import OcrSettings, UnsafeOcrSettings
from services.summarize.settings import SummarizerSettings, SummarizeSettings
from services.summarize.vertex_opened import check_vertex
from services.summarize.vertex_settings import UnsafeVertexSettings, VertexSettings
from shared.bus.topology import TopologySettings
from shared.keys.settings import KmsSettings, UnsafeKmsSettings
from shared.logging import LogSettings
from shared.settings import Settings, unknown_variables

SETTINGS: Final[tuple[type[Settings], ...]] = (
    IngestSettings,
    RegisterSettings,
    ErasureSettings,
    OcrSettings,
    UnsafeOcrSettings,
    SummarizeSettings,
    SummarizerSettings,
    VertexSettings,
    UnsafeVertexSettings,
    LedgerSettings,
    LogPlaceSettings,
    TopologySettings,
    RetentionSettings,
    KmsSettings,
    UnsafeKmsSettings,
    LogSettings,
)

OF_THE_COMMAND: Final = frozenset(
    {
        "DOCLEDGER_DATA_DIR",
        "DOCLEDGER_LOG_TOKEN",
        "DOCLEDGER_SMOKE_AUDITOR",
        "DOCLEDGER_SMOKE_AUDITOR_TOKEN",
        "DOCLEDGER_SMOKE_KEY",
        "DOCLEDGER_SMOKE_SUBMIT",
        "DOCLEDGER_SMOKE_SUBMIT_TOKEN",
        "DOCLEDGER_SMOKE_TENANT",
        "DOCLEDGER_TENANT",
    }
)
"""Variables that the command itself reads, as options."""


def check_settings(also: Iterable[type[Settings]] = ()) -> None:
    """Read every setting where a mistake is one line, not a dying worker; tell the misspelt ones.

    Args:
        also: what else is known; each deployable reads its own.

    Raises:
        UserError: a setting has a value that cannot be used.
    """
    for settings in SETTINGS:
        settings.from_environment()
    check_vertex()
    lines = unknown_variables((*SETTINGS, *also))
    unknown = [line for line in lines if line.split()[0] not in OF_THE_COMMAND]
    if unknown:
        to_stderr().print(safe("docledger: " + "; ".join(unknown)))
