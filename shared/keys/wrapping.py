"""The keyring: every key lies wrapped under a KEK, and is unwrapped each time it is asked for.

A document's key is kept in no memory of ours: a cache would open a document after its erasure, in
whichever process still has it. It is read and unwrapped each time (tens of microseconds from files,
one call to KMS). A tenant's key is never destroyed, and kept once it was unwrapped.
"""

import re
import secrets
from collections.abc import Sequence
from typing import Final

from shared.errors import TransientError
from shared.keys.envelope import KEY_BYTES
from shared.keys.kek import Kek, KeyDamagedError, Wrapped
from shared.keys.port import KeyMissingError, TenantPurpose
from shared.keys.stored import TENANTS, StoredKeys

_DOCUMENT: Final = re.compile(r"[0-9a-f]{40}\Z")
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


class WrappedKeyring:
    """``Keyring`` over wrapped keys.

    Args:
        stored: where they lie.
        kek: wraps new ones.
        others: open what they wrapped before (key files, once the KEK is in KMS).
    """

    def __init__(self, stored: StoredKeys, kek: Kek, others: Sequence[Kek] = ()) -> None:
        self._stored = stored
        self._kek = kek
        self._keks = (kek, *others)
        self._tenant_keys: dict[tuple[str, TenantPurpose], bytes] = {}

    def __repr__(self) -> str:
        return "WrappedKeyring()"

    @property
    def stored(self) -> StoredKeys:
        """Where the wrapped keys lie; for who wraps them again."""
        return self._stored

    @property
    def kek(self) -> Kek:
        """What wraps new keys."""
        return self._kek

    @property
    def keks(self) -> Sequence[Kek]:
        """Everything that opens a key."""
        return self._keks

    def tenant_key(self, tenant: str, purpose: TenantPurpose) -> bytes:
        """Return the tenant's 32-byte key for one purpose, made on first use, stable after."""
        key = self._tenant_keys.get((tenant, purpose))
        if key is None:
            if not _TENANT.match(tenant):
                raise ValueError("a tenant's name is lower-case letters, digits and hyphens")
            key = self._made(f"{TENANTS}/{tenant}.{purpose.value}")
            self._tenant_keys[tenant, purpose] = key
        return key

    def create_document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key; made if there is none, else the one that exists.

        Raises:
            TransientError: the key is being destroyed right now, or the place is unavailable.
        """
        return self._made(_checked(document_id))

    def document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key.

        Raises:
            KeyMissingError: it was destroyed or never made.
            KeyDamagedError: it was changed behind our back.
        """
        return self._read(_checked(document_id))

    def has_tenant(self, tenant: str) -> bool:
        """Tell whether documents of a tenant ever came; asking makes it no key."""
        return self._stored.has(f"{TENANTS}/{tenant}.{TenantPurpose.IDS.value}")

    def has_document_key(self, document_id: str) -> bool:
        """Tell whether the document has a key, for who may read none."""
        return self._stored.has(_checked(document_id))

    def destroy_document_key(self, document_id: str) -> None:
        """Destroy the document's key for good; no error when it is gone already."""
        self._stored.destroy(_checked(document_id))

    def unwrapped(self, name: str, wrapped: Wrapped) -> bytes:
        """Return the key that is wrapped for ``name``.

        Raises:
            KeyDamagedError: changed, moved, or wrapped by a KEK that is not here.
        """
        owner, bound = owner_and_name(name)
        for kek in self._keks:
            if kek.knows(wrapped.label):
                return kek.unwrap(wrapped, owner=owner, name=bound)
        raise KeyDamagedError("a key was wrapped by a KEK that the settings do not name")

    def wrapped(self, name: str, key: bytes) -> Wrapped:
        """Return ``key`` wrapped for ``name`` under the newest version."""
        owner, bound = owner_and_name(name)
        return self._kek.wrap(key, owner=owner, name=bound)

    def _made(self, name: str) -> bytes:
        """Return the key at ``name``, made if there is none. Of racing makers one wins."""
        try:
            return self._read(name)
        except KeyMissingError:
            fresh = secrets.token_bytes(KEY_BYTES)
        wrapped = self.wrapped(name, fresh)
        if self._stored.create(name, bytes(wrapped)):
            # Who renewed the KEK meanwhile may have gone through all keys before this one came.
            while self._kek.superseded(wrapped.label):
                older, wrapped = wrapped, self.wrapped(name, fresh)
                self._stored.replace(name, bytes(older), bytes(wrapped))
            return fresh
        try:
            return self._read(name)
        except KeyMissingError:
            raise TransientError("the key is being destroyed") from None

    def _read(self, name: str) -> bytes:
        return self.unwrapped(name, Wrapped.parse(self._stored.read(name)))


def owner_and_name(name: str) -> tuple[str, str]:
    """Return whose key lies at ``name``, and what it is bound to as."""
    tenant = name.removeprefix(f"{TENANTS}/")
    owner = name if tenant == name else f"tenant:{tenant.rpartition('.')[0]}"
    return owner, f"keys/{name}"


def _checked(document_id: str) -> str:
    if not _DOCUMENT.match(document_id):
        raise ValueError("a document id is 40 lower-case hex characters")
    return document_id
