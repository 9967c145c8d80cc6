"""What outlives every process: stores, bus, keys, books, time. In memory, made from a seed."""

import random
from functools import cache, lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from services.ingest.register_memory import memory_register
from services.ledger.adapters.memory import MemoryJournal
from services.ledger.chart import Chart, load_chart
from shared.bus.topology import Topology, load_topology
from shared.clock import FakeClock
from shared.keys.memory import MemoryKeyring
from shared.tlog.note import VerifierKey
from shared.tlog.signer import Ed25519Signer
from tests.simulation.chaos import Chaos, weather_of
from tests.simulation.parsers import Health
from tests.simulation.watched import History, WatchedBus, WatchedFiles, WatchedObjects

TENANTS: Final = ("acme", "globex")

PATIENT: Final = frozenset({"register"})
"""Workers whose subscriptions keep the attempts of the topology: nobody buries their letters."""


@cache
def topology_with(attempts: int) -> Topology:
    """Return the topology of the repository, where stages give up after ``attempts``."""
    topology = load_topology()
    subscriptions = {
        name: one if one.worker in PATIENT else one.model_copy(update={"attempts": attempts})
        for name, one in topology.subscriptions.items()
    }
    return topology.model_copy(update={"subscriptions": subscriptions})


@cache
def chart() -> Chart:
    """Return the chart that ships."""
    return load_chart()


class RememberingKey(VerifierKey):
    """A key that verifies the same bytes once: checkpoints are read again and again."""

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Tell whether ``signature`` is this key's over ``message``."""
        return _verifies(VerifierKey(self.name, self.public_key), signature, message)


@lru_cache(maxsize=1_000)
def _verifies(key: VerifierKey, signature: bytes, message: bytes) -> bool:
    return key.verifies(signature, message)


class Signer(Ed25519Signer):
    """The real signer, whose key remembers."""

    @property
    def key(self) -> VerifierKey:
        """Return the public key under the log's name."""
        return RememberingKey(super().key.name, super().key.public_key)


@cache
def signer_of(tenant: str) -> Ed25519Signer:
    """Return the signer of a tenant's log; its key is always the same."""
    private_key = Ed25519PrivateKey.from_private_bytes(tenant.encode().ljust(32, b"."))
    return Signer(f"simulation.example/log/{tenant}", private_key)


class World:
    """One seed's world.

    Args:
        seed: everything that happens follows from it.
    """

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        self.clock = FakeClock()
        self.chaos = Chaos(rng, weather_of(rng), self.clock)
        self.topology = topology_with(rng.choice((5, 5, 8)))
        self.batch = rng.choice((1, 4, 8))
        self.history = History()
        self.covered: dict[str, int] = {}
        self.objects = WatchedObjects(self.clock, self.history)
        self.keyring = MemoryKeyring(b"simulation")
        self.register = memory_register(self.topology.deadline)
        self.journal = MemoryJournal()
        self.bus = WatchedBus(
            self.topology,
            self.clock,
            chaos=self.chaos,
            history=self.history,
            objects=self.objects,
            covered=self.covered,
        )
        self.files = {tenant: WatchedFiles(tenant, self.covered) for tenant in TENANTS}
        self.health = Health()
        self.sweeps = bool(self.chaos.weather.losses) or rng.random() < 0.5
        self.alive: set[str] = set()
        self.at_work: dict[tuple[str, str], float] = {}
