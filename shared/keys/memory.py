"""Keys in memory, for the simulation and for tests: the same seed gives the same keys."""

import hashlib
import hmac

from shared.keys.port import KeyMissingError, TenantPurpose


class MemoryKeyring:
    """A keyring that dies with the process.

    Args:
        seed: every key is derived from it, so that ids repeat from run to run.
    """

    def __init__(self, seed: bytes = b"docledger") -> None:
        self._seed = seed
        self._tenant_keys: dict[tuple[str, TenantPurpose], bytes] = {}
        self._document_keys: dict[str, bytes] = {}
        self._lives: dict[str, int] = {}

    def __repr__(self) -> str:
        return "MemoryKeyring()"

    def tenant_key(self, tenant: str, purpose: TenantPurpose) -> bytes:
        """Return the tenant's 32-byte key for one purpose."""
        if (tenant, purpose) not in self._tenant_keys:
            derived = self._derive(f"tenant\0{tenant}\0{purpose.value}")
            self._tenant_keys[tenant, purpose] = derived
        return self._tenant_keys[tenant, purpose]

    def create_document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key; made if there is none, else the one that exists."""
        if document_id not in self._document_keys:
            life = self._lives.get(document_id, 0)
            self._document_keys[document_id] = self._derive(f"document\0{document_id}\0{life}")
        return self._document_keys[document_id]

    def document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key.

        Raises:
            KeyMissingError: it was destroyed or never made.
        """
        try:
            return self._document_keys[document_id]
        except KeyError:
            raise KeyMissingError("there is no such key: destroyed, or never made") from None

    def destroy_document_key(self, document_id: str) -> None:
        """Forget the document's key; a key made later for the same document is another one."""
        if self._document_keys.pop(document_id, None) is not None:
            self._lives[document_id] = self._lives.get(document_id, 0) + 1

    def _derive(self, label: str) -> bytes:
        return hmac.digest(self._seed, label.encode(), hashlib.sha256)
