"""What can be set about ocr: ``DOCLEDGER_OCR_<FIELD>``."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from services.ocr.processors import TABLE, Kind
from shared.production import refuse_in_production
from shared.sandbox.port import Limits
from shared.settings import Settings

UNSAFE_VARIABLE: Final = "DOCLEDGER_UNSAFE_DOCUMENTAI_EMULATOR"

Positive = Annotated[int, Field(ge=1)]

_NAME: Final = re.compile(r"projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/processors/[A-Za-z0-9_-]+")
_KEY: Final = (
    r"^projects/[a-z0-9:.-]+/locations/[a-z0-9-]+/keyRings/[A-Za-z0-9_-]{1,63}"
    r"/cryptoKeys/[A-Za-z0-9_-]{1,63}$"
)
_ADDRESS: Final = r"^[a-z0-9.-]+:[0-9]{1,5}$"
_OUTPUT_MB: Final = 64
_REMOTE_OUTPUT_MB: Final = 512
_REMOTE_MEMORY_MB: Final = 3072


def _pairs(value: object) -> object:
    """Read ``kind=name,…``."""
    if not isinstance(value, str):
        return value
    pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
    if any(not _NAME.fullmatch(name) for _, _, name in pairs):
        raise ValueError("must be pairs like invoice=projects/…/locations/…/processors/…")
    if len({kind for kind, _, _ in pairs}) != len(pairs):
        raise ValueError("names a kind of processor twice")
    if len({name.split("/")[3] for _, _, name in pairs}) > 1:
        raise ValueError("names processors of several locations: keep a site's in one")
    return {kind: name for kind, _, name in pairs}


class OcrSettings(Settings):
    """Who reads, how much is read in one delivery, and what the process that reads may use.

    Attributes:
        reader: ``embedded`` reads on this machine, ``documentai`` has Document AI read.
        pages_per_range: read in one delivery by the embedded reader; a longer document is cut into
            ranges. A scanned page takes one to three processor seconds, and a range must end well
            inside a lease.
        processors: Document AI's, ``kind=name,…``; the first that takes a document's type reads it.
        processor_table: their limits.
        online_pages: documents of more pages are read in batches, if there is a bucket for them.
        batches_bucket: where Document AI finds and leaves what it reads in batches; nothing is read
            in batches when unset.
        batches_kms_key: of that bucket's objects, on every write.
        batch_deadline_s: after so long a batch is given up; Google cancels its own after a day.
        instances: of this worker, at most: each keeps to its share of the quota.
        children: sandboxed processes side by side.
        memory_mb: address space of each; models and libraries alone take 0.6 GB of it.
        cpu_s: processor seconds of one range.
        wall_s: seconds of one range.
        tasks: ranges that a process reads before a fresh one takes its place.
    """

    section: ClassVar[str] = "ocr"

    reader: Literal["embedded", "documentai"] = "embedded"
    pages_per_range: Positive = 8
    processors: Annotated[dict[Kind, str], BeforeValidator(_pairs)] = Field(default_factory=dict)
    processor_table: Path = TABLE
    online_pages: Positive = 60
    batches_bucket: Annotated[str, Field(min_length=3)] | None = None
    batches_kms_key: Annotated[str, Field(pattern=_KEY)] | None = None
    batch_deadline_s: Annotated[float, Field(gt=0)] = 90_000.0
    instances: Positive = 1
    children: Positive = 1
    memory_mb: Annotated[int, Field(ge=1024)] = 1536
    cpu_s: Positive = 90
    wall_s: Annotated[float, Field(gt=0)] = 240.0
    tasks: Positive = 200

    @model_validator(mode="after")
    def _remote_is_whole(self) -> Self:
        if self.reader == "documentai" and not self.processors:
            raise ValueError(f"{self.variable('processors')} is not set: name Document AI's")
        if self.batches_bucket is not None and self.batches_kms_key is None:
            # What lies there is not sealed by us: it must not lie there under nobody's key.
            raise ValueError(f"{self.variable('batches_kms_key')} is not set: name the bucket's")
        return self

    def sandbox(self) -> Limits:
        """Return what a sandboxed process may use."""
        remote = self.reader == "documentai"  # then it only cuts, and hands back what it cut
        return Limits(
            memory_mb=max(self.memory_mb, _REMOTE_MEMORY_MB) if remote else self.memory_mb,
            cpu_s=self.cpu_s,
            wall_s=self.wall_s,
            tasks=self.tasks,
            output_mb=_REMOTE_OUTPUT_MB if remote else _OUTPUT_MB,
        )


class UnsafeOcrSettings(Settings):
    """The variable that is named for its danger.

    Attributes:
        unsafe_documentai_emulator: ``host:port`` of a server that is taken for Document AI,
            unencrypted and unauthenticated.
    """

    unsafe_documentai_emulator: Annotated[str, Field(pattern=_ADDRESS)] | None = None


def documentai_emulator(environ: Mapping[str, str] | None = None) -> str | None:
    """Return where the emulator is; None where Document AI itself is meant.

    Raises:
        UserError: a service in production is told to hand documents to an emulator.
    """
    environ = os.environ if environ is None else environ
    emulator = UnsafeOcrSettings.from_environment(environ).unsafe_documentai_emulator
    if emulator:
        refuse_in_production(UNSAFE_VARIABLE, environ)
    return emulator
