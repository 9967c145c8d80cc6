"""What can be set about erasing: ``DOCLEDGER_ERASURE_<FIELD>``."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import Settings


class ErasureSettings(Settings):
    """How long things are kept, by rule and by backup.

    Attributes:
        policy: a YAML file (``services.ingest.policy``), or what would be in it, in braces; when
            unset, everything is kept.
        backup_days: for how many days a backup of ``keys/`` or of ``inbox/`` can be restored (what
            lies at the door is sealed under the tenant's key, which stays); 0 where none is made.
            Unset, nobody has said so, and an erasure can name no date.
    """

    section: ClassVar[str] = "erasure"

    policy: str | None = None
    backup_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
