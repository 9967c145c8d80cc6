"""Cloud KMS and Secret Manager of a project on one machine, with what infra/iam.yaml names."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Final, Self

from deploy.iam.stated import Stated
from shared.keys.settings import KmsSettings
from shared.secrets.settings import SecretsSettings
from shared.worker.push_settings import PushSettings
from tests.emulators.kms import KmsServer
from tests.emulators.secrets import SecretServer
from tests.infra.enforcing_rpc import KMS, SECRETS

REGION: Final = "europe-west3"

KEK: Final = KmsSettings.variable("kek")
SIGNERS: Final = KmsSettings.variable("signers")
KEYS_BUCKET: Final = KmsSettings.variable("keys_bucket")
KEYS_KEY: Final = KmsSettings.variable("keys_kms_key")

_KEK: Final = "kek"
_SIGNERS: Final = "signers"
_TOKEN: Final = "internal-event-token"


class ProjectKeys:
    """The two servers; a context manager.

    Args:
        stated: infra/iam.yaml.
        project: whose they are.
        bucket: of the wrapped keys.
        tenants: whose logs have a key.
        token: gives the token of internal jobs, once it is asked for.
    """

    def __init__(
        self,
        stated: Stated,
        project: str,
        *,
        bucket: str,
        tenants: Iterable[str],
        token: Callable[[], bytes],
    ) -> None:
        self.kms = KmsServer()
        self.secrets = SecretServer()
        self._stopping = ExitStack()
        self._stopping.callback(self.kms.stop)
        self._stopping.callback(self.secrets.stop)
        named = {
            entry: stated.names.key.format(
                project=project, region=REGION, ring=stated.rings[key.ring].name, name=key.name
            )
            for entry, key in stated.keys.items()
        }
        self.kek = self.kms.create_kek(named[_KEK])
        self.of_buckets = {entry: named[bucket.key] for entry, bucket in stated.buckets.items()}
        """By the bucket's entry, the key of what lies there."""
        ring = stated.rings[_SIGNERS].name
        self.signers = f"projects/{project}/locations/{REGION}/keyRings/{ring}"
        for tenant in tenants:
            self.kms.create_signer(tenant, self.signers)
        self.token = self.secrets.add(
            token, f"projects/{project}/secrets/{stated.secrets[_TOKEN].name}"
        )
        self.bucket = bucket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.close()

    @property
    def servers(self) -> dict[str, str]:
        """Where the servers are, by variable."""
        return {KMS: self.kms.address, SECRETS: self.secrets.address}

    @property
    def settings(self) -> dict[str, str]:
        """What tells whoever opens documents where their keys are."""
        return {
            KEK: self.kek,
            KEYS_BUCKET: self.bucket,
            KEYS_KEY: self.of_buckets["wrapped"],
            SIGNERS: self.signers,
        }

    @property
    def tokens(self) -> dict[str, str]:
        """What tells a deployable where the token of its jobs is."""
        return {
            SecretsSettings.variable("secrets"): "secret-manager",
            PushSettings.variable("job_tokens"): self.token,
        }

    @property
    def wrong(self) -> list[str]:
        """What a caller did that a careful one does not."""
        return [*self.kms.wrong, *self.secrets.wrong]
