"""The private keys of one log, in files or in Cloud KMS.

``signers/`` holds, for each tenant, one file a key: ``<tenant>.pem`` the first one,
``<tenant>.<key id>.pem`` each later one, ``<tenant>.next.pem`` one that is about to join. A key in
Cloud KMS has a ``.kms`` file instead: the name of its version, and the public key that was pinned
when it was first used. Where that file is lost, or the folder is one that forgets, the version is
looked for by the public key that the log's history names.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shared.errors import TransientError, UserError
from shared.keys.settings import KmsSettings
from shared.keys.stored import create_file, destroy_file, sync_folder
from shared.tlog.errors import MalformedError
from shared.tlog.note import VerifierKey
from shared.tlog.signer import Ed25519Signer, LogKey

if TYPE_CHECKING:
    from collections.abc import Callable

    from shared.keys.kms_connection import KmsConnection

SIGNERS_FOLDER: Final = "signers"

GONE: Final = "gone"
"""Where a private key is that is nowhere to be found."""

_PEM: Final = ".pem"
_KMS: Final = ".kms"


@dataclass(frozen=True)
class SigningKeys:
    """``rotation.PrivateKeys`` of one tenant's log.

    Args:
        folder: ``signers/``.
        tenant: a checked tenant id; it becomes a file name.
        origin: the log's name.
        settings: say where new keys are made.
        connect: gives the connection to Cloud KMS, when a key there is used.
    """

    folder: Path
    tenant: str
    origin: str
    settings: KmsSettings
    connect: "Callable[[], KmsConnection]"

    def first(self) -> LogKey:
        """Return the log's first key, made if there is none."""
        stem = self.folder / self.tenant
        return self._opened(stem) or self._made(stem, new=False)

    def of(self, key: VerifierKey) -> LogKey:
        """Return the private key of a public one.

        Raises:
            UserError: it is not here.
        """
        found = self._found(key)
        if found is not None:
            return found
        raise UserError(
            f"the private key {key.key_id.hex()} of {self.tenant} is not in {SIGNERS_FOLDER}/: "
            "restore it; or, if it is lost, close it with another key that is open"
        )

    def fresh(self) -> LogKey:
        """Return a key that is in no history yet; the same one until it is adopted."""
        return self._opened(self._next) or self._made(self._next, new=True)

    def adopt(self, key: VerifierKey) -> None:
        """Give a fresh key that is in the history the name of a key."""
        waiting = self._opened(self._next)
        if waiting is None or waiting.key != key:
            return
        stem = self.folder / f"{self.tenant}.{key.key_id.hex()}"
        for suffix in (_PEM, _KMS):
            path = _with(self._next, suffix)
            if path.exists():
                path.replace(_with(stem, suffix))
        sync_folder(self.folder)

    def destroy(self, key: VerifierKey) -> None:
        """Destroy a closed key where it is a file. What is in KMS its operator disables."""
        for stem in self._stems():
            found = self._opened(stem)
            if found is not None and found.key == key:
                destroy_file(_with(stem, _PEM))

    def place(self, key: VerifierKey) -> str:
        """Return where the private key is: ``file``, the name of a KMS version, or ``GONE``."""
        found = self._found(key)
        return str(getattr(found, "version", "file")) if found is not None else GONE

    @property
    def exchanged(self) -> bool:
        """Whether a key was ever adopted: then the log has a history, published before that."""
        return bool({*self._stems()} - {self.folder / self.tenant, self._next})

    @property
    def _next(self) -> Path:
        return self.folder / f"{self.tenant}.next"

    def _stems(self) -> list[Path]:
        """Return the paths of this tenant's keys, without suffix; its name holds no dot."""
        found = [*self.folder.glob(f"{self.tenant}.pem"), *self.folder.glob(f"{self.tenant}.kms")]
        found += [
            *self.folder.glob(f"{self.tenant}.*.pem"),
            *self.folder.glob(f"{self.tenant}.*.kms"),
        ]
        return sorted({path.with_name(path.name[: -len(_PEM)]) for path in found})

    def _found(self, key: VerifierKey) -> LogKey | None:
        for stem in self._stems():
            found = self._opened(stem)
            if found is not None and found.key == key:
                return found
        if self.settings.signers is None:
            return None
        connection = self.connect()
        from shared.keys.kms_signer import version_of  # noqa: PLC0415 - half a second

        version = version_of(connection, self._crypto_key, key)
        return self._in_kms(version, key) if version is not None else None

    @property
    def _crypto_key(self) -> str:
        return f"{self.settings.signers}/cryptoKeys/log-{self.tenant}"

    def _opened(self, stem: Path) -> LogKey | None:
        if _with(stem, _PEM).exists():
            return Ed25519Signer.open_or_create(_with(stem, _PEM), self.origin)
        try:
            version, vkey = _with(stem, _KMS).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        except ValueError:
            raise MalformedError("the file of a checkpoint key in KMS is damaged") from None
        return self._in_kms(version, VerifierKey.parse(vkey))

    def _made(self, stem: Path, *, new: bool) -> LogKey:
        """Make a key where the settings say."""
        if self.settings.signers is None:
            return Ed25519Signer.open_or_create(_with(stem, _PEM), self.origin)
        connection = self.connect()
        from shared.keys.kms_signer import new_version, public_key  # noqa: PLC0415 - half a second

        version = f"{self._crypto_key}/cryptoKeyVersions/1"
        if new:
            version = new_version(connection, self._crypto_key)
        key = public_key(connection, version, self.origin)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not create_file(_with(stem, _KMS), f"{version}\n{key}\n".encode()):
            raise TransientError("somebody else makes that key right now")
        return self._in_kms(version, key)

    def _in_kms(self, version: str, key: VerifierKey) -> LogKey:
        connection = self.connect()
        from shared.keys.kms_signer import KmsSigner  # noqa: PLC0415 - half a second

        return KmsSigner(connection, version, key)


def _with(stem: Path, suffix: str) -> Path:
    return stem.with_name(stem.name + suffix)
