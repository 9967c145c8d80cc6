"""What can be set about the auditor API: ``DOCLEDGER_LEDGER_API_<FIELD>``."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.api.grants import ReaderGrants
from shared.settings import DatabaseUrl, Settings


class LedgerApiSettings(Settings):
    """Who may read, and how much at once.

    Attributes:
        readers: ``email=tenant,email=*``; an account may stand there several times.
        audience: what a caller's token must be made for: this API's URL. Empty: nobody gets in,
            except where nobody is asked who they are.
        most_at_once: requests under way.
        most_each: of them, those of one account.
        journal: ``postgresql://`` URL of the journal for a login that may only read it; unset,
            ``ledger.sqlite`` in the data folder, opened read-only. Filters and old checkpoints ask
            it where to look.
    """

    section: ClassVar[str] = "ledger_api"

    readers: ReaderGrants = Field(default_factory=dict)
    audience: str = ""
    most_at_once: Annotated[int, Field(ge=1, le=1_000)] = 64
    most_each: Annotated[int, Field(ge=1, le=1_000)] = 8
    journal: DatabaseUrl | None = None
