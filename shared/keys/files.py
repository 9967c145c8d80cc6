"""Keys in files: one key-encryption key (KEK), and every other key sealed under it.

Layout of the folder (0700; every file 0600)::

    kek                          32 random bytes as hex, made on first use
    tenants/<tenant>.<purpose>   a tenant's key, sealed under the KEK
    <document_id>                a document's key, sealed under the KEK

Who has the KEK and the folder has every key, so backups of the two are kept apart. Nothing is
cached that can be destroyed: a document key is read from its file each time (measured at tens of
microseconds), so an erasure by another process holds at once.

Destroying overwrites the file in place before it is unlinked. A file system that copies on write,
or a drive that remaps blocks, may keep the old block; it holds the key in sealed form only.
"""

import os
import re
import secrets
import stat
from pathlib import Path
from typing import Final

from shared.errors import TransientError, UserError
from shared.keys.envelope import KEY_BYTES, SealBrokenError, seal, unseal
from shared.keys.port import KeyMissingError, TenantPurpose

_DOCUMENT: Final = re.compile(r"[0-9a-f]{40}\Z")
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyDamagedError(Exception):
    """A key's file was changed, moved, or made under another KEK."""


class FileKeyring:
    """The embedded keyring; safe for any number of processes on one folder.

    Args:
        folder: for keys alone; made if it is not there. Keep it out of backups that live long.

    Raises:
        UserError: the KEK is missing although keys exist, is not the one they were made with, or
            others may read it.
        TransientError: the folder cannot be read or written now.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tenants = folder / "tenants"
        self._tenant_keys: dict[tuple[str, TenantPurpose], bytes] = {}
        try:
            self._tenants.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
            self._kek = self._open_kek()
        except PermissionError as error:
            raise UserError(
                "the folder of keys is not ours to use: change its owner to this user"
            ) from error
        except OSError as error:
            raise TransientError("the folder of keys is unavailable") from error

    def __repr__(self) -> str:
        return "FileKeyring()"

    def tenant_key(self, tenant: str, purpose: TenantPurpose) -> bytes:
        """Return the tenant's 32-byte key for one purpose, made on first use, stable after."""
        key = self._tenant_keys.get((tenant, purpose))
        if key is None:
            if not _TENANT.match(tenant):
                raise ValueError("a tenant's name is lower-case letters, digits and hyphens")
            path = self._tenants / f"{tenant}.{purpose.value}"
            key = self._made(path, owner=f"tenant:{tenant}")
            self._tenant_keys[tenant, purpose] = key
        return key

    def create_document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key; made if there is none, else the one that exists.

        Raises:
            TransientError: the key is being destroyed right now, or the disk is full.
        """
        return self._made(self._path(document_id), owner=document_id)

    def document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key.

        Raises:
            KeyMissingError: it was destroyed or never made.
            KeyDamagedError: its file was changed behind our back.
        """
        return self._read(self._path(document_id))

    def destroy_document_key(self, document_id: str) -> None:
        """Destroy the document's key for good; no error when it is gone already."""
        path = self._path(document_id)
        try:
            _overwrite(path)
            path.unlink(missing_ok=True)
            _sync_folder(self._folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise TransientError("the key could not be destroyed yet") from error

    def _path(self, document_id: str) -> Path:
        if not _DOCUMENT.match(document_id):
            raise ValueError("a document id is 40 lower-case hex characters")
        return self._folder / document_id

    def _name(self, path: Path) -> str:
        return f"keys/{path.relative_to(self._folder).as_posix()}"

    def _made(self, path: Path, *, owner: str) -> bytes:
        """Return the key at ``path``, made if there is none. Of racing makers one wins."""
        try:
            return self._read(path)
        except KeyMissingError:
            fresh = secrets.token_bytes(KEY_BYTES)
        sealed = seal(self._kek, fresh, owner=owner, name=self._name(path))
        try:
            if _create(path, sealed):
                return fresh
        except OSError as error:
            raise TransientError("the key could not be stored") from error
        try:
            return self._read(path)
        except KeyMissingError:
            raise TransientError("the key is being destroyed") from None

    def _read(self, path: Path) -> bytes:
        try:
            sealed = path.read_bytes()
        except FileNotFoundError:
            raise KeyMissingError("there is no such key: destroyed, or never made") from None
        except OSError as error:
            raise TransientError("the key could not be read") from error
        if not any(sealed):  # overwritten, and about to be unlinked
            raise KeyMissingError("there is no such key: destroyed")
        try:
            return unseal(self._kek, sealed, name=self._name(path))
        except SealBrokenError:
            raise KeyDamagedError("a key was changed, moved, or made under another KEK") from None

    def _open_kek(self) -> bytes:
        # Looked for before the KEK: keys that exist now were made under a KEK that exists already.
        witness = self._any_key()
        path = self._folder / "kek"
        if witness is None and not path.exists():
            _create(path, secrets.token_hex(KEY_BYTES).encode() + b"\n")
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read()
        except FileNotFoundError:
            raise UserError(
                "the key file `kek` is missing although keys were made with it: restore it"
            ) from None
        if mode & _OTHERS:
            raise UserError("the key file `kek` can be read by others: chmod 600 it")
        try:
            kek = bytes.fromhex(text.decode("ascii"))
        except ValueError:
            kek = b""
        if len(kek) != KEY_BYTES:
            raise UserError("the key file `kek` is damaged: restore it")
        if witness is not None:
            self._check(kek, witness)
        return kek

    def _any_key(self) -> Path | None:
        """Return a sealed key, if there is one. Tenants' come first: no document without them."""
        for folder in (self._tenants, self._folder):
            with os.scandir(folder) as entries:
                for entry in entries:
                    sealed = entry.name != "kek" and not entry.name.startswith(".")
                    if sealed and entry.is_file():
                        return Path(entry.path)
        return None

    def _check(self, kek: bytes, witness: Path) -> None:
        self._kek = kek
        try:
            self._read(witness)
        except KeyDamagedError:
            raise UserError(
                "the key file `kek` is not the one that these keys were made with: restore it"
            ) from None
        except KeyMissingError:
            return  # destroyed meanwhile; it cannot witness


def _create(path: Path, data: bytes) -> bool:
    """Write ``data`` durably if nothing is at ``path``; return whether it was this call.

    A hard link is atomic and never replaces. Should the process die before the second name is
    gone, the two share one inode, and destroying one overwrites both.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError:
            return False
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return True


def _overwrite(path: Path) -> None:
    """Replace every byte of the file in place, on the disk."""
    with path.open("r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
