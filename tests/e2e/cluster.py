"""``docledger up --bus pubsub`` as a person runs it, and a person who drops files in its bucket."""

import contextlib
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from deploy.local.backing import Backing
from deploy.local.house import House
from deploy.local.site import Site
from tests.e2e.commands import Ended, Started, alive, docledger
from tests.waiting import PATIENCE_S, wait_until

READY_S = PATIENCE_S * 2

_SURROUNDINGS = {
    name: os.environ.get(name)
    for name in ("PUBSUB_EMULATOR_HOST", "STORAGE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT")
}
"""As they were before any test looked into a cluster and was pointed to its emulators."""


class Cluster:
    """All deployables and both emulators, up.

    Args:
        data: the data folder.
        started: the command.
    """

    def __init__(self, data: Path, started: Started) -> None:
        self.data = data
        self.started = started
        backing = Backing.read(Site(data).backing)
        assert backing is not None
        self.backing = backing
        self.bucket = Client(
            project=backing.project,
            credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]  # has no types
            client_options={"api_endpoint": backing.storage},
        ).bucket(backing.uploads)

    @property
    def house(self) -> House:
        """The data folder as it is now."""
        return House(Site(self.data))

    def upload(self, files: Mapping[str, bytes]) -> None:
        """Drop files in the uploads bucket, as any client of Cloud Storage does."""
        for name, content in files.items():
            self.bucket.blob(name).upload_from_string(content)

    def wait_for(self, submissions: int, *, within_s: float = PATIENCE_S * 3) -> None:
        """Wait until so many submissions have come, and every document to its end."""
        house = self.house

        def ended() -> bool:
            counts = house.register.counts(house.clock.now())
            waits = house.ledger.journal.tenants_waiting()
            return counts.submissions >= submissions and not counts.in_flight and not waits

        wait_until(ended, what=f"{submissions} submissions have ended", within_s=within_s)

    def processes(self, deployable: str) -> list[psutil.Process]:
        """Return the processes of a deployable that live, its sandbox children included."""
        found = []
        for one in self.started.tree():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if one.environ().get("FUNCTION_TARGET") == deployable:
                    found.append(one)
        return found

    def kill(self, deployable: str, *, number: signal.Signals = signal.SIGKILL) -> None:
        """End a deployable's processes, all at once, and wait until they have ended."""
        killed = self.processes(deployable)
        for one in killed:
            with contextlib.suppress(psutil.NoSuchProcess):
                one.send_signal(number)
        wait_until(lambda: not any(map(alive, killed)), what=f"{deployable} has ended")

    def asked(self, *arguments: str | Path) -> Ended:
        """Run another command on the same data folder."""
        return docledger(self.data, *arguments)

    def logs(self, deployable: str) -> list[str]:
        """Return the log lines of a deployable; not one that is being written."""
        written = (Site(self.data).logs / f"{deployable}.ndjson").read_text()
        return written[: written.rfind("\n") + 1].splitlines()


@contextmanager
def _own_surroundings() -> Iterator[None]:
    """Forget the emulators of other clusters for the time of a block, and this one's after it."""
    before = {name: os.environ.get(name) for name in _SURROUNDINGS}
    _set(_SURROUNDINGS)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def cluster(
    data: Path, *arguments: str | Path, more: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Have everything up for the time of a block; what is left is killed at its end."""
    backing = Site(data).backing
    backing.unlink(missing_ok=True)
    with (
        _own_surroundings(),
        Started(data, "up", "--bus", "pubsub", *arguments, more=more or {}) as started,
    ):
        try:
            wait_until(
                lambda: backing.exists() or started.ended, what="all is up", within_s=READY_S
            )
        except TimeoutError:
            started.kill_tree()
        if started.ended:
            told = started.wait().stderr.decode()
            # The one prerequisite that a package index does not have; CI has it.
            if "install" in told and not os.environ.get("CI"):
                pytest.skip(told.strip().splitlines()[-1])
            raise AssertionError(told)
        yield Cluster(data, started)


def drained(cluster: Cluster) -> Ended:
    """Interrupt the command and return how it ended."""
    cluster.started.signal(signal.SIGTERM)
    return cluster.started.wait()


def truths(lines: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return result lines by the name that the sender gave."""
    return {str(line["source"]): line for line in lines}
