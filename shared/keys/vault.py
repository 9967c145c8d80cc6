"""Nothing derived from a document reaches a store unsealed."""

import hashlib

from shared.errors import PermanentError
from shared.events.ids import keyed_id
from shared.events.payloads import Reference
from shared.keys.envelope import owner_of, seal, unseal
from shared.keys.port import KeyMissingError, Keyring, TenantPurpose
from shared.objects.port import AlreadyExistsError, NotFoundError, ObjectStore, StoredObject
from shared.telemetry.reasons import QuarantineReason

TENANT_OWNER = "tenant:"


class ErasedError(Exception):
    """The document's key is destroyed: what was sealed under it is gone for good."""


class Vault:
    """Objects sealed under the key of the document (or, at the door, the tenant) they belong to.

    Args:
        objects: where ciphertexts lie.
        keyring: where keys come from.
    """

    def __init__(self, objects: ObjectStore, keyring: Keyring) -> None:
        self._objects = objects
        self._keyring = keyring

    def store(self, name: str, document_id: str, data: bytes) -> Reference:
        """Seal ``data`` under the document's key at ``name``, create-only.

        Who lost the race uses the winner's: the reference of what is there is returned.

        Raises:
            ErasedError: the document has no key (any more).
        """
        return self.settle(name, document_id, data)[0]

    def settle(self, name: str, document_id: str, data: bytes) -> tuple[Reference, bytes]:
        """Like ``store``, and return also the bytes that stand there: ours, or the winner's."""
        try:
            key = self._keyring.document_key(document_id)
        except KeyMissingError as err:
            raise ErasedError from err
        sealed = seal(key, data, owner=document_id, name=name)
        reference, ours = self._create(name, sealed)
        return reference, data if ours else self.open(reference)

    def store_for_tenant(self, name: str, tenant: str, data: bytes) -> Reference:
        """Seal ``data`` under the tenant's inbox key at ``name``, create-only."""
        key = self._keyring.tenant_key(tenant, TenantPurpose.INBOX)
        return self._create(name, seal(key, data, owner=f"{TENANT_OWNER}{tenant}", name=name))[0]

    def id_for_tenant(self, tenant: str, data: bytes) -> str:
        """Return an id of ``data`` as 40 hex characters; without the key, no guess can be tested.

        The same again for the same bytes, whoever asks.
        """
        return keyed_id(self._keyring.tenant_key(tenant, TenantPurpose.IDS), data)

    def open(self, source: Reference | str) -> bytes:
        """Return the bytes sealed at a reference or a name.

        Raises:
            NotFoundError: nothing is there.
            ErasedError: its key is destroyed.
            PermanentError: reason ``unreadable``: the ciphertext is not the one referred to.
        """
        name = source if isinstance(source, str) else source.name
        stored = self._objects.read(name)
        if isinstance(source, Reference) and _digest(stored.data) != source.digest:
            raise PermanentError(QuarantineReason.UNREADABLE)
        owner = owner_of(stored.data)
        if owner.startswith(TENANT_OWNER):
            tenant = owner.removeprefix(TENANT_OWNER)
            key = self._keyring.tenant_key(tenant, TenantPurpose.INBOX)
        else:
            try:
                key = self._keyring.document_key(owner)
            except KeyMissingError as err:
                raise ErasedError from err
        return unseal(key, stored.data, name=name)

    def find(self, name: str) -> Reference | None:
        """Return the reference of what is at ``name``, or None."""
        try:
            return _reference(self._objects.read(name))
        except NotFoundError:
            return None

    def owner(self, name: str) -> str:
        """Return whose key the object at ``name`` claims to be sealed under.

        Raises:
            NotFoundError: nothing is there.
        """
        return owner_of(self._objects.read(name).data)

    def discard(self, name: str) -> None:
        """Remove what is at ``name``; no error when nothing is."""
        self._objects.delete(name)

    def _create(self, name: str, sealed: bytes) -> tuple[Reference, bool]:
        """Return the reference of what is there now, and whether it is what we sealed."""
        digest = _digest(sealed)
        try:
            info = self._objects.create(name, sealed)
        except AlreadyExistsError:
            # Ours all the same where a store wrote it, lost the answer and tried again.
            reference = _reference(self._objects.read(name))
            return reference, reference.digest == digest
        reference = Reference(name=name, generation=info.generation, digest=digest, size=info.size)
        return reference, True


def _reference(stored: StoredObject) -> Reference:
    return Reference(
        name=stored.info.name,
        generation=stored.info.generation,
        digest=_digest(stored.data),
        size=stored.info.size,
    )


def _digest(sealed: bytes) -> str:
    return hashlib.sha256(sealed).hexdigest()
