"""What can be set about erasing: ``DOCLEDGER_ERASURE_<FIELD>``."""

from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import Field

from shared.settings import Settings


class ErasureSettings(Settings):
    """How long things are kept, by rule and by backup.

    Attributes:
        policy: a YAML file (``services.ingest.policy``); without one, everything is kept.
        key_backup_days: for how many days a backup of the keys can be restored; 0 where none is
            made. Unset, nobody has said so, and an erasure can name no date.
    """

    section: ClassVar[str] = "erasure"

    policy: Path | None = None
    key_backup_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
