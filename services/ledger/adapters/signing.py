"""Who signs the logs of one data folder: private keys, and the published history of them.

Private keys lie in the data folder or in Cloud KMS, never where the logs are published.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from services.ledger.adapters.places import Place, open_place
from services.ledger.adapters.signing_keys import SIGNERS_FOLDER, SigningKeys
from services.ledger.publication import PublicFiles
from shared.errors import TransientError, UserError
from shared.keys.connecting import connect
from shared.keys.settings import KmsSettings
from shared.tlog.errors import NotFoundError
from shared.tlog.key_history import KEYS_SUFFIX, KeyHistory, keys_of
from shared.tlog.note import VerifierKey
from shared.tlog.signer import CheckpointSigner, JointSigner, LogKey

if TYPE_CHECKING:
    from shared.keys.kms_connection import KmsConnection

VKEY_SUFFIX: Final = ".vkey"


class PublishedHistory:
    """``rotation.KeyRecords`` beside the log: ``<tenant>.keys``.

    Args:
        files: those beside the logs.
        tenant: a checked tenant id.
    """

    def __init__(self, files: PublicFiles, tenant: str) -> None:
        self._files = files
        self._path = f"{tenant}{KEYS_SUFFIX}"
        self._root = f"{tenant}{VKEY_SUFFIX}"

    def read(self) -> KeyHistory | None:
        """Return the history, checked from the log's first key; None before the first rotation."""
        try:
            data = self._files.read(self._path)
        except NotFoundError:
            return None
        root = VerifierKey.parse(self._files.read(self._root).decode("ascii", "replace"))
        history = keys_of(root, data)
        assert isinstance(history, KeyHistory)
        return history

    def append(self, history: KeyHistory) -> None:
        """Publish a history that has grown from the published one; see ``KeyRecords``."""
        data = history.text.encode()

        def size(some: bytes) -> int:
            return len(some) if data.startswith(some) else len(data)  # what is no prefix stays

        if self._files.replace_larger(self._path, data, size=size) != data:
            raise TransientError("somebody else changed the log's keys meanwhile")


class Signing:
    """Who signs the logs of one data folder, as their key histories say now.

    Args:
        data_dir: holds ``signers/``.
        origin: what the logs' names start with.
        settings: of the keys in KMS; read from the environment when None.
        place: where the logs are published; as the environment says when None.
    """

    def __init__(
        self,
        data_dir: Path,
        origin: str,
        settings: KmsSettings | None = None,
        place: Place | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._place = place or open_place(data_dir)
        self._origin = origin
        self._settings = settings or KmsSettings.from_environment()
        self._known: dict[str, tuple[bytes | None, CheckpointSigner]] = {}

    def keys(self, tenant: str) -> SigningKeys:
        """Return the private keys of a tenant's log."""
        return SigningKeys(
            self._data_dir / SIGNERS_FOLDER,
            tenant,
            f"{self._origin}/{tenant}",
            self._settings,
            lambda: self._connection,
        )

    def history(self, tenant: str) -> PublishedHistory:
        """Return the published history of a tenant's keys."""
        return PublishedHistory(self._place.beside(), tenant)

    def has_log(self, tenant: str) -> bool:
        """Tell whether a log of a tenant is published, its first public key at least."""
        return self._place.find(f"{tenant}{VKEY_SUFFIX}") is not None

    def files(self, tenant: str) -> PublicFiles:
        """Return the published log of a tenant, its first public key beside it.

        Raises:
            FileConflictError: somebody else just published another public key.
            UserError: another one is published, or the key history is missing.
            TransientError: the place is unavailable.
        """
        if self._history_bytes(tenant) is None:
            line = f"{self.only(tenant).key}\n".encode()
            if not self.has_log(tenant):  # who only reads may not even try to write
                self._place.beside().create_all([(f"{tenant}{VKEY_SUFFIX}", line)])
        return self._place.log(tenant)

    def signer(self, tenant: str) -> CheckpointSigner:
        """Return who signs now; asked each time, as a rotation may have happened.

        Raises:
            TlogError: the history is damaged.
            UserError: a private key is missing, or the history is; or another key is published.
            TransientError: the folder, the bucket or Cloud KMS is unavailable.
        """
        data = self._history_bytes(tenant)
        known = self._known.get(tenant)
        if known is None or known[0] != data:
            history = self.history(tenant).read() if data is not None else None
            keys = self.keys(tenant)
            signer: CheckpointSigner = (
                self.only(tenant)
                if history is None
                else JointSigner(history, [keys.of(key) for key in history.open])
            )
            known = data, signer
            self._known[tenant] = known
        return known[1]

    def only(self, tenant: str) -> LogKey:
        """Return the key of a log without a history: its first one, if it never had another.

        Raises:
            UserError: it had another, or another one is published.
            TransientError: as ``signer``.
        """
        keys = self.keys(tenant)
        if keys.exchanged:
            raise UserError(
                f"{tenant}{KEYS_SUFFIX} is not where the logs are published, though the log's key "
                f"was exchanged: put it there, with {tenant}{VKEY_SUFFIX}; nothing is signed before"
            )
        first = keys.first()
        published = self._place.find(f"{tenant}{VKEY_SUFFIX}")
        if published is not None and published != f"{first.key}\n".encode():
            raise UserError(
                f"{tenant}{VKEY_SUFFIX} is published for another key than {first.key}: check "
                "DOCLEDGER_LEDGER_ORIGIN, and where the logs and their private keys are"
            )
        return first

    def _history_bytes(self, tenant: str) -> bytes | None:
        return self._place.find(f"{tenant}{KEYS_SUFFIX}")

    @cached_property
    def _connection(self) -> "KmsConnection":
        return connect()
