"""What state the processes of a data folder on Pub/Sub are in."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from deploy.local.backing import Backing

EMULATOR_WAIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Deployable:
    """One of them, emulators included.

    Attributes:
        name: as it is started by.
        url: where it listens.
        state: ``ready``, ``not ready`` (it answers, but misses something) or ``down``.
    """

    name: str
    url: str
    state: str


def deployables_of(backing: Backing) -> list[Deployable]:
    """Ask all of them at once: one that hangs keeps nobody else waiting."""
    from deploy.local.pubsub_site import state_of  # noqa: PLC0415 - Google's clients are slow

    names = list(backing.services)
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as asking:
        states = list(asking.map(lambda name: state_of(backing, name), names))
    return [
        *(
            Deployable(name, backing.url(name), state)
            for name, state in zip(names, states, strict=True)
        ),
        *_emulators(backing),
    ]


def _emulators(backing: Backing) -> Iterator[Deployable]:
    for name, url in (
        ("pubsub-emulator", f"http://{backing.pubsub}"),
        ("storage-emulator", backing.storage),
    ):
        yield Deployable(name, url, "ready" if _listens(url) else "down")


def _listens(url: str) -> bool:
    where = urlsplit(url)
    if where.hostname is None or where.port is None:
        return False
    try:
        with socket.create_connection((where.hostname, where.port), timeout=EMULATOR_WAIT_S):
            return True
    except OSError:
        return False
