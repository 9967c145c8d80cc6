"""A data folder whose objects and events are on servers: Cloud Storage and Pub/Sub."""

import os
import socket
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import UserError

ANSWER_S: Final = 5.0

Port = Annotated[int, Field(ge=1, le=65_535)]


class Backing(BaseModel):
    """Where everything is that is not in the folder; ``<data folder>/pubsub.json``.

    Attributes:
        project: that topics and subscriptions belong to.
        pubsub: ``host:port`` of the Pub/Sub emulator.
        storage: URL of the Cloud Storage emulator.
        objects: the bucket of sealed objects.
        uploads: the bucket that people drop files in.
        services: by deployable, the port that it listens on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    project: str
    pubsub: str
    storage: str
    objects: str
    uploads: str
    services: dict[str, Port]

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what ``path`` says; None when there is no such file.

        Raises:
            UserError: it is not what ``up`` wrote.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as err:
            raise UserError(
                f"{path} cannot be read; start 'docledger up --bus pubsub' again"
            ) from err

    def write(self, path: Path) -> None:
        """Keep this at ``path``, for whoever asks while the servers run."""
        whole = path.with_suffix(".new")
        whole.write_text(self.model_dump_json(indent=2) + "\n", encoding="ascii")
        whole.replace(path)

    def url(self, deployable: str) -> str:
        """Return where a deployable listens."""
        return f"http://127.0.0.1:{self.services[deployable]}"

    def answers(self) -> bool:
        """Tell whether the Cloud Storage emulator is there; without it nothing can be read."""
        address = urlsplit(self.storage)
        with socket.socket() as probe:
            probe.settimeout(ANSWER_S)
            return probe.connect_ex((address.hostname or "", address.port or 0)) == 0

    def environment(self) -> dict[str, str]:
        """Return the variables by which Google's clients find the emulators."""
        return {
            "PUBSUB_EMULATOR_HOST": self.pubsub,
            "STORAGE_EMULATOR_HOST": self.storage,
            "GOOGLE_CLOUD_PROJECT": self.project,
        }

    def enter(self) -> None:
        """Point this process's clients to the emulators."""
        os.environ.update(self.environment())
