"""What can be set: ``DOCLEDGER_INGEST_<FIELD>`` of the worker, ``DOCLEDGER_ENTRANCE_<FIELD>``."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from services.ingest.inspection import InspectionLimits
from services.ingest.notified import Bounds
from shared.events.payloads import TenantName
from shared.sandbox.port import Limits
from shared.settings import DatabaseUrl, Settings

Positive = Annotated[int, Field(ge=1)]


class IngestSettings(Settings):
    """Limits of an upload and of the process that looks into it.

    Attributes:
        most_bytes: of an upload; what Document AI takes online.
        pages: of a document.
        pixels: of an image, or of a page at ``render_dpi``.
        render_dpi: dots per inch at which a page's pixels are counted.
        mail_parts: of an e-mail.
        mail_depth: levels of an e-mail's parts.
        header_bytes: of one header of an e-mail.
        xml_depth: levels of elements.
        children: sandboxed processes side by side.
        memory_mb: address space of each.
        cpu_s: processor seconds of one look.
        wall_s: seconds of one look.
    """

    section: ClassVar[str] = "ingest"

    most_bytes: Positive = 40_000_000
    pages: Positive = 2_000
    pixels: Positive = 100_000_000
    render_dpi: Positive = 150
    mail_parts: Positive = 500
    mail_depth: Positive = 20
    header_bytes: Positive = 65_536
    xml_depth: Positive = 100
    children: Positive = 1
    memory_mb: Annotated[int, Field(ge=256)] = 1024
    cpu_s: Positive = 20
    wall_s: Annotated[float, Field(gt=0)] = 60.0

    def inspection(self) -> InspectionLimits:
        """Return what a document may be made of."""
        return InspectionLimits(
            pages=self.pages,
            pixels=self.pixels,
            render_dpi=self.render_dpi,
            mail_parts=self.mail_parts,
            mail_depth=self.mail_depth,
            header_bytes=self.header_bytes,
            xml_depth=self.xml_depth,
        )

    def sandbox(self) -> Limits:
        """Return what a sandboxed process may use."""
        return Limits(memory_mb=self.memory_mb, cpu_s=self.cpu_s, wall_s=self.wall_s)


class RegisterSettings(Settings):
    """Variables ``DOCLEDGER_REGISTER_…``.

    Attributes:
        database: ``postgresql://`` URL of the register; ``register.sqlite`` in the data folder
            when unset. It names no password: the driver finds one in ``PGPASSFILE``.
        budgets: a YAML file (``services.ingest.budget``), or what would be in it, in braces; when
            unset, tenants have no limit.
    """

    section: ClassVar[str] = "register"

    database: DatabaseUrl | None = None
    budgets: str | None = None


def _pairs(value: Any) -> Any:  # noqa: ANN401 - not checked yet
    """Return ``bucket=tenant,bucket=tenant`` as a mapping."""
    if not isinstance(value, str):
        return value
    pairs = [pair.strip().partition("=")[::2] for pair in value.split(",")]
    if len({bucket for bucket, _ in pairs}) < len(pairs):
        raise ValueError("names a bucket twice")
    return dict(pairs)


BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]


class EntranceSettings(Settings):
    """Which buckets people drop files in, and what is taken from there.

    Attributes:
        buckets: by bucket, the tenant whose uploads it takes, as ``bucket=tenant,bucket=tenant``.
        most_bytes: of a file; as ingest's.
        sweep_after_s: age of a dropped file at which its notification counts as lost.
        sweep_most: files that one sweep takes.
    """

    section: ClassVar[str] = "entrance"

    buckets: Annotated[
        Mapping[BucketName, TenantName], BeforeValidator(_pairs), Field(min_length=1)
    ]
    most_bytes: Positive = 40_000_000
    sweep_after_s: Annotated[float, Field(gt=0)] = 300.0
    sweep_most: Positive = 200

    def bounds(self) -> Bounds:
        """Return what is taken."""
        return Bounds(self.most_bytes, timedelta(seconds=self.sweep_after_s), self.sweep_most)
