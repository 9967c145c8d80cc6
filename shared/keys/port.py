"""Keys as a port: per-document envelope keys, tenant keys, checkpoint signers.

Embedded: key files (``shared.keys.files``). On Google Cloud: Cloud KMS wraps the document keys.
"""

from enum import StrEnum
from typing import Protocol


class TenantPurpose(StrEnum):
    """What a tenant's key is for; every purpose has its own key."""

    IDS = "ids"  # document and event ids (HMAC)
    INBOX = "inbox"  # bytes that wait at the door, before they have a document key (AES-256-GCM)


class KeyMissingError(Exception):
    """The document has no key here: it was erased, or never accepted."""


class Keyring(Protocol):
    """Where keys come from. Key bytes are never logged and never leave the process.

    Every method raises ``TransientError`` when the key service is unavailable.
    """

    def tenant_key(self, tenant: str, purpose: TenantPurpose) -> bytes:
        """Return the tenant's 32-byte key for one purpose, made on first use, stable after."""
        ...

    def create_document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key; made if there is none, else the one that exists."""
        ...

    def document_key(self, document_id: str) -> bytes:
        """Return the document's 32-byte key.

        Raises:
            KeyMissingError: it was destroyed or never made.
        """
        ...

    def destroy_document_key(self, document_id: str) -> None:
        """Destroy the document's key for good; no error when it is gone already."""
        ...
