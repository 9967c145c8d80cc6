"""Commands as in Cloud Run jobs: each under an identity, kept to its grants, on an empty disk.

They are not told that they are jobs: in a job every emulator is refused.
"""

from pathlib import Path

from deploy.cli.opened import PROJECT
from deploy.cloudrun.settings import PlatformSettings
from deploy.local import pubsub_site
from deploy.local.site import Site
from shared.telemetry.exporters import TelemetrySettings
from tests.e2e.commands import Ended, docledger
from tests.e2e.kept import OBJECTS_KEY, Kept
from tests.infra.enforcing_rpc import SECRETS
from tests.waiting import PATIENCE_S


class Jobs:
    """What people start.

    Args:
        kept: what runs. Whoever starts a job has its settings in the environment.
        folder: holds a job's folder; each has another, as each finds an empty disk.
    """

    def __init__(self, kept: Kept, folder: Path) -> None:
        self._kept = kept
        self._folder = folder
        self._started = 0

    def run(self, identity: str, *words: str | Path) -> Ended:
        """Run a command to its end.

        Args:
            identity: whose grants it has.
            words: the command.
        """
        site = Site(self._kept.up.data)
        self._started += 1
        disk = self._folder / f"disk-{self._started}"
        disk.mkdir()
        # What are PostgreSQL there are files here.
        for path in (site.register, site.ledger):
            (disk / path.name).symlink_to(path)
        addresses = self._kept.by.addresses(identity)
        del addresses[SECRETS]  # no command reads any
        told = {
            PROJECT: pubsub_site.PROJECT,
            PlatformSettings.variable("objects_bucket"): pubsub_site.OBJECTS,
            OBJECTS_KEY: self._kept.keys.of_buckets["objects"],
            TelemetrySettings.variable("traces"): "files",
            TelemetrySettings.variable("traces_folder"): str(site.spans),
        }
        return docledger(disk, *words, more={**told, **addresses}, within_s=PATIENCE_S * 2)
