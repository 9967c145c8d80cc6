"""Everything up, its keys and secrets on servers, and each deployable kept to its grants."""

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from deploy.cloudrun.deployables import NAMES
from deploy.cloudrun.settings import PlatformSettings
from deploy.iam.matrix import load_matrix
from deploy.local.house import DEFAULT_TENANT
from deploy.local.pubsub_site import APIS, OBJECTS, PROJECT
from deploy.local.site import Site
from services.ledger.settings import LogPlaceSettings
from shared.bus.pubsub import PubsubPublisher
from shared.keys.kms_connection import KmsConnection
from shared.keys.kms_kek import KmsKek
from shared.keys.kms_signer import KmsSigner
from shared.objects.gcs import GcsObjects
from shared.secrets.secret_manager import SecretManagerSecrets
from shared.secrets.value import SecretValue
from shared.tlog.note import VerifierKey
from tests.e2e.cluster import Cluster, cluster
from tests.e2e.settled import Settled
from tests.infra.enforcing import LOGS, WRAPPED, Enforcement
from tests.infra.enforcing_rpc import KMS, SECRETS, Asked
from tests.infra.project_keys import KEK, KEYS_BUCKET, KEYS_KEY, SIGNERS, ProjectKeys

LOG_BUCKET: Final = LogPlaceSettings.variable("bucket")
LOG_KEY: Final = LogPlaceSettings.variable("kms_key")
OBJECTS_KEY: Final = PlatformSettings.variable("objects_kms_key")
SETTINGS: Final = (LOG_BUCKET, LOG_KEY, KEK, KEYS_BUCKET, KEYS_KEY, SIGNERS, KMS)
"""Variables of whoever looks at the data folder."""

DEPLOYABLES: Final = (*NAMES, *APIS)
COMMANDS: Final = ("operator", "keeper")
"""Identities of run jobs in which commands run."""

ORIGIN: Final = f"docledger.example/log/{DEFAULT_TENANT}"


@dataclass(frozen=True)
class Kept:
    """What runs.

    Attributes:
        up: all deployables.
        by: the servers that keep them to their grants.
        keys: Cloud KMS and Secret Manager.
    """

    up: Cluster
    by: Enforcement
    keys: ProjectKeys


class Run(NamedTuple):
    """Everything up, what came of every example, and who asked for what was not theirs."""

    kept: Kept
    settled: Settled
    asked: set[Asked]
    denied: set[Asked]


@contextmanager
def kept_cluster(folder: Path) -> Iterator[Kept]:
    """Have everything up for the time of a block; whoever looks at it is given its settings."""
    data = folder / "data"
    matrix = load_matrix()
    with (
        ProjectKeys(
            matrix.stated,
            PROJECT,
            bucket=WRAPPED,
            tenants=[DEFAULT_TENANT],
            token=Site(data).job_token.read_bytes,  # made anew as everything is started
        ) as keys,
        Enforcement(
            folder / "kept",
            matrix,
            (*DEPLOYABLES, *COMMANDS),
            keys=keys.of_buckets,
            settings=keys.tokens,
        ) as by,
    ):
        told = {
            LOG_BUCKET: LOGS,
            LOG_KEY: keys.of_buckets["log"],
            OBJECTS_KEY: keys.of_buckets["objects"],
            **keys.settings,
            **keys.servers,
        }
        with (
            cluster(data, more={**told, **by.environment}) as up,
            pytest.MonkeyPatch.context() as monkeypatch,
        ):
            for name in SETTINGS:
                monkeypatch.setenv(name, told[name])
            yield Kept(up, by, keys)
        assert keys.wrong == []


class Reach:
    """Google's services, as somebody who took a deployable over would reach for them.

    Args:
        kept: what runs.
        identity: the deployable's.
        monkeypatch: leads Google's clients and ours there.
    """

    def __init__(self, kept: Kept, identity: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kept = kept
        self._closing = ExitStack()
        self.kek_name = kept.keys.kek
        self.addresses = kept.by.addresses(identity)
        for name, address in self.addresses.items():
            monkeypatch.setenv(name, address)

    def close(self) -> None:
        """Hang up."""
        self._closing.close()

    @cached_property
    def objects(self) -> GcsObjects:
        """Sealed objects."""
        return self._closing.enter_context(closing(GcsObjects(OBJECTS)))

    @cached_property
    def logs(self) -> GcsObjects:
        """Published logs."""
        return self._closing.enter_context(closing(GcsObjects(LOGS)))

    @cached_property
    def wrapped(self) -> GcsObjects:
        """Wrapped keys."""
        return self._closing.enter_context(closing(GcsObjects(WRAPPED)))

    @cached_property
    def publisher(self) -> PubsubPublisher:
        """Topics."""
        return self._closing.enter_context(closing(PubsubPublisher(PROJECT)))

    @cached_property
    def kms(self) -> KmsConnection:
        """Cloud KMS."""
        return self._closing.enter_context(closing(KmsConnection(emulator=self.addresses[KMS])))

    @property
    def kek(self) -> KmsKek:
        """What wraps keys."""
        return KmsKek(self.kms, self.kek_name)

    @property
    def log_key(self) -> str:
        """The name of the version that signs the log."""
        return f"{self._kept.keys.signers}/cryptoKeys/log-{DEFAULT_TENANT}/cryptoKeyVersions/1"

    @property
    def signer(self) -> KmsSigner:
        """The log's key; a refusal comes before it matters which one is known."""
        return KmsSigner(self.kms, self.log_key, VerifierKey(ORIGIN, bytes(32)))

    def secret(self, name: str = "") -> SecretValue:
        """Read a version of a secret; the token's that the run uses, where none is named."""
        opened = SecretManagerSecrets(emulator=self.addresses[SECRETS])
        with closing(opened):
            return opened.read(name or self._kept.keys.token)
