"""What follows from an object store and a keyring, whoever runs on them."""

from abc import ABC, abstractmethod
from functools import cached_property

from shared.keys.port import Keyring
from shared.keys.vault import Vault
from shared.objects.port import ObjectStore
from shared.objects.versions import Versions
from shared.worker.quarantine import Quarantine
from shared.worker.results import Results
from shared.worker.tombstones import Tombstones


class Stores(ABC):
    """The sealed stores of a data folder, or of a deployable."""

    @property
    @abstractmethod
    def objects(self) -> ObjectStore:
        """Sealed bytes at names."""

    @property
    @abstractmethod
    def keyring(self) -> Keyring:
        """Keys."""

    @property
    def versions(self) -> Versions | None:
        """Generations of objects; None where an object has but one."""
        return None

    @cached_property
    def vault(self) -> Vault:
        """Seals what is derived from documents."""
        return Vault(self.objects, self.keyring)

    @cached_property
    def results(self) -> Results:
        """Opens what stages stored."""
        return Results(self.vault)

    @cached_property
    def tombstones(self) -> Tombstones:
        """What was erased."""
        return Tombstones(self.objects)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What workers could not do."""
        return Quarantine(self.objects, self.vault)
