"""What can be set about the partner API: ``DOCLEDGER_INGEST_API_<FIELD>``."""

from typing import Annotated, ClassVar

from pydantic import Field

from shared.api.grants import CallerGrants
from shared.settings import Settings

_Positive = Annotated[int, Field(ge=1)]


class IngestApiSettings(Settings):
    """Who may hand in, and how much at once.

    Attributes:
        callers: ``email=tenant,email=tenant``: whose documents an account hands in.
        audience: what a caller's token must be made for: this API's URL. Empty: nobody gets in,
            except where nobody is asked who they are.
        most_bytes: of a document; what Document AI takes online.
        most_event_bytes: of a CloudEvent, whole.
        body_s: seconds in which a body must have arrived.
        held_bytes: of all bodies that are in memory at once, a larger ``most_bytes`` apart. While
            one is sealed there are three more copies of it.
        most_at_once: requests under way.
        most_each: of them, those of one account.
    """

    section: ClassVar[str] = "ingest_api"

    callers: CallerGrants = Field(default_factory=dict)
    audience: str = ""
    most_bytes: _Positive = 40_000_000
    most_event_bytes: _Positive = 1_048_576
    body_s: Annotated[float, Field(gt=0, le=600)] = 60.0
    held_bytes: _Positive = 80_000_000
    most_at_once: Annotated[int, Field(ge=1, le=1_000)] = 32
    most_each: Annotated[int, Field(ge=1, le=1_000)] = 8
