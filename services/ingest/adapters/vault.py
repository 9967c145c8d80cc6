"""Inbox and originals on the vault: nothing reaches a store unsealed."""

from services.ingest.inbox import Upload, pack, unpack
from shared.errors import PermanentError, TransientError
from shared.events.payloads import Reference
from shared.keys.envelope import SealBrokenError
from shared.keys.port import Keyring
from shared.keys.vault import ErasedError, Vault
from shared.objects.port import NotFoundError, ObjectStore
from shared.telemetry.reasons import QuarantineReason
from shared.worker import names


class VaultInbox:
    """Uploads at ``inbox/<tenant>/<job_id>``.

    Args:
        vault: seals and opens them.
        objects: where they lie, to remove them.
    """

    def __init__(self, vault: Vault, objects: ObjectStore) -> None:
        self._vault = vault
        self._objects = objects

    def open(self, upload: Reference) -> Upload:
        """Return what the sender handed in; see ``services.ingest.ports.Inbox``."""
        try:
            return unpack(self._vault.open(upload))
        except NotFoundError as err:
            raise LookupError(upload.name) from err
        except (SealBrokenError, ValueError) as err:
            raise PermanentError(QuarantineReason.UNREADABLE) from err

    def put(self, tenant: str, job_id: str, upload: Upload) -> Reference:
        """Store an upload for a job, create-only."""
        packed = pack(upload.source_name, upload.content, parent=upload.parent)
        return self._vault.store_for_tenant(names.inbox(tenant, job_id), tenant, packed)

    def discard(self, upload: Reference) -> None:
        """Remove an upload."""
        self._objects.delete(upload.name)


class VaultOriginals:
    """Documents at ``originals/<document_id>``.

    Args:
        vault: seals them.
        keyring: makes their keys.
    """

    def __init__(self, vault: Vault, keyring: Keyring) -> None:
        self._vault = vault
        self._keyring = keyring

    def keep(self, document_id: str, content: bytes) -> Reference:
        """Make the document's key if there is none, and store its bytes, create-only."""
        self._keyring.create_document_key(document_id)
        try:
            return self._vault.store(names.original(document_id), document_id, content)
        except ErasedError as err:
            raise TransientError("the document was erased meanwhile: look again") from err

    def forget(self, document_id: str) -> None:
        """Destroy the document's key, then what it had locked."""
        self._keyring.destroy_document_key(document_id)
        self._vault.discard(names.original(document_id))
