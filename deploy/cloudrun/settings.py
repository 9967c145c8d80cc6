"""What every deployable reads of its surroundings: ``DOCLEDGER_<FIELD>``."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from shared.settings import Settings


class PlatformSettings(Settings):
    """Where a deployable finds what it works on.

    Attributes:
        project: of topics, subscriptions and buckets.
        objects_bucket: sealed objects.
        objects_kms_key: of the bucket's objects, on every write; the bucket's default when unset.
        data_dir: the folder of register, journal, keys and log.
        environment: ``production`` forbids every setting that is named for its danger.
        machine: names the run of the supervisor whose processes share one machine; there a lease's
            holder that has died need not be waited for.
    """

    project: Annotated[str, Field(min_length=3)]
    objects_bucket: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$")]
    objects_kms_key: str | None = None
    data_dir: Path
    environment: str | None = None
    machine: Annotated[str, Field(pattern=r"^[0-9a-f]{0,64}$")] = ""
