"""What can be set about a data folder on one machine."""

from typing import Annotated

from pydantic import Field

from shared.settings import Settings


class RetentionSettings(Settings):
    """How long a site keeps what nobody needs for its work any more.

    Attributes:
        retention_days: ``DOCLEDGER_RETENTION_DAYS``; of settled events and of spans.
    """

    retention_days: Annotated[int, Field(ge=1, le=36_500)] = 30
