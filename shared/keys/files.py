"""Keys in files: a key-encryption key (KEK), and every other key wrapped under it.

Layout of the folder (0700; every file 0600)::

    kek                          version 1: 32 random bytes as hex, made on first use
    keks/<n>                     later versions, one a rotation
    tenants/<tenant>.<purpose>   a tenant's key, wrapped under the KEK
    <document_id>                a document's key, wrapped under the KEK

Who has the KEK and the folder has every key, so backups of the two are kept apart.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from shared.errors import TransientError, UserError
from shared.keys.envelope import KEY_BYTES, SealBrokenError, seal, unseal
from shared.keys.kek import FIRST_FILE, KeyDamagedError, Wrapped
from shared.keys.port import KeyMissingError
from shared.keys.stored import KeyFolder, create_file, destroy_file, sync_folder
from shared.keys.wrapping import WrappedKeyring, owner_and_name

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_LABEL: Final = "files/"
_LOOKED_AT: Final = 256  # keys, in search of one that a file wrapped: KMS may have wrapped the rest


class FileKek:
    """``Kek`` in files beside the keys that it wraps; safe for any number of processes.

    Args:
        folder: of the keys; it exists.
        stored: the wrapped keys in it: one of them is the KEK's witness.

    Raises:
        UserError: the KEK is missing although keys exist, is not the one they were made with, or
            others may read it.
        TransientError: the folder cannot be read or written now.
    """

    def __init__(self, folder: Path, stored: KeyFolder) -> None:
        self._folder = folder
        self._keks: dict[int, bytes] = {}
        try:
            self._open(stored)
        except OSError as error:
            raise TransientError("the folder of keys is unavailable") from error

    def __repr__(self) -> str:
        return "FileKek()"

    @staticmethod
    def stands_in(folder: Path) -> bool:
        """Tell whether a folder has KEK files."""
        return (folder / "kek").exists() or (folder / "keks").is_dir()

    def wrap(self, key: bytes, *, owner: str, name: str) -> Wrapped:
        """Wrap a 32-byte key under the newest version."""
        number = self._newest()
        return Wrapped(f"{_LABEL}{number}", seal(self._kek(number), key, owner=owner, name=name))

    def unwrap(self, wrapped: Wrapped, *, owner: str, name: str) -> bytes:
        """Return the key; see ``Kek``. The envelope names its owner itself."""
        del owner
        try:
            return unseal(self._kek(_number(wrapped.label)), wrapped.body, name=name)
        except (SealBrokenError, FileNotFoundError):
            raise KeyDamagedError("a key was changed, moved, or made under another KEK") from None
        except OSError as error:
            raise TransientError("the KEK could not be read") from error

    def knows(self, label: str) -> bool:
        """Tell whether a version of that label is (or was) in files."""
        return label.startswith(_LABEL)

    def superseded(self, label: str) -> bool:
        """Tell whether a newer version is there."""
        return _number(label) < self._newest()

    def newest(self) -> str:
        """Return the label under which ``wrap`` wraps now."""
        return f"{_LABEL}{self._newest()}"

    def versions(self) -> list[str]:
        """Return the labels of the versions whose files are there, oldest first."""
        return [f"{_LABEL}{number}" for number in self._numbers()]

    def renew(self) -> str:
        """Make a new version, which wraps from now on, in other processes too."""
        path = self._path(self._newest() + 1)
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self._folder)
            create_file(path, secrets.token_hex(KEY_BYTES).encode() + b"\n")
        except OSError as error:
            raise TransientError("the new KEK could not be stored") from error
        return self.newest()

    def destroy(self, label: str) -> None:
        """Destroy a version's file for good."""
        number = _number(label)
        try:
            destroy_file(self._path(number))
        except OSError as error:
            raise TransientError("the KEK could not be destroyed yet") from error
        self._keks.pop(number, None)

    def _newest(self) -> int:
        """Return the newest version; another process may have made one a moment ago."""
        number = max(self._keks)
        while self._path(number + 1).exists():
            number += 1
            self._kek(number)
        return number

    def _kek(self, number: int) -> bytes:
        if number not in self._keks:
            self._keks[number] = _read(self._path(number))
        return self._keks[number]

    def _path(self, number: int) -> Path:
        return self._folder / "kek" if number == 1 else self._folder / "keks" / str(number)

    def _numbers(self) -> list[int]:
        first = [1] if self._path(1).exists() else []
        later = self._folder / "keks"
        names = os.listdir(later) if later.is_dir() else []  # noqa: PTH208 - names, no paths
        return first + sorted(int(name) for name in names if name.isdecimal())

    def _open(self, stored: KeyFolder) -> None:
        # Looked for before the KEK: keys that exist now were made under a KEK that exists already.
        witness = next(self._witnesses(stored), None)
        if witness is None and not self._numbers():
            create_file(self._path(1), secrets.token_hex(KEY_BYTES).encode() + b"\n")
        numbers = self._numbers()
        if not numbers or (witness is not None and _number(witness[1].label) not in numbers):
            raise UserError(
                "the key file `kek` is missing although keys were made with it: restore it"
            )
        self._kek(numbers[-1])
        if witness is not None:
            owner, name = owner_and_name(witness[0])
            try:
                self.unwrap(witness[1], owner=owner, name=name)
            except KeyDamagedError:
                raise UserError(
                    "the key file `kek` is not the one that these keys were made with: restore it"
                ) from None

    def _witnesses(self, stored: KeyFolder) -> Iterator[tuple[str, Wrapped]]:
        """Yield keys that a file wrapped. Tenants' come first: no document without them."""
        for name in islice(stored.names(), _LOOKED_AT):
            try:
                wrapped = Wrapped.parse(stored.read(name))
            except KeyMissingError:
                continue  # destroyed meanwhile; it cannot witness
            except KeyDamagedError:
                wrapped = Wrapped(FIRST_FILE, b"")
            if self.knows(wrapped.label):
                yield name, wrapped


def file_keyring(folder: Path) -> WrappedKeyring:
    """Return the embedded keyring; safe for any number of processes on one folder.

    Raises:
        UserError: see ``FileKek`` and ``KeyFolder``.
        TransientError: the folder cannot be used now.
    """
    stored = KeyFolder(folder)
    return WrappedKeyring(stored, FileKek(folder, stored))


class FileKeyring(WrappedKeyring):
    """The embedded keyring; safe for any number of processes on one folder.

    Args:
        folder: for keys alone; made if it is not there. Keep it out of backups that live long.

    Raises:
        UserError: see ``FileKek`` and ``KeyFolder``.
        TransientError: the folder cannot be used now.
    """

    def __init__(self, folder: Path) -> None:
        stored = KeyFolder(folder)
        _refuse_foreign(stored)
        super().__init__(stored, FileKek(folder, stored))

    def __repr__(self) -> str:
        return "FileKeyring()"


def _refuse_foreign(stored: KeyFolder) -> None:
    """Refuse a folder whose keys KMS wrapped: new ones would quietly be wrapped by a file."""
    for name in stored.names():
        with suppress(KeyMissingError, KeyDamagedError):
            if not Wrapped.parse(stored.read(name)).label.startswith(_LABEL):
                raise UserError("the keys here were wrapped by Cloud KMS: set DOCLEDGER_KMS_KEK")
            return


def _number(label: str) -> int:
    return int(label.removeprefix(_LABEL))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        text = file.read()
    if mode & _OTHERS:
        raise UserError(f"the key file `{path.name}` can be read by others: chmod 600 it")
    try:
        kek = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        kek = b""
    if len(kek) != KEY_BYTES:
        raise UserError(f"the key file `{path.name}` is damaged: restore it")
    return kek
