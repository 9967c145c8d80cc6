"""Finding documents by what a person types."""

import os
import re
from pathlib import Path
from typing import Final

from deploy.local.entrance import RefusedAtTheDoorError, read_file
from deploy.local.files import printable
from deploy.local.house import House
from deploy.local.outcomes import Outcomes
from services.ingest.registered import RegisteredDocument
from shared.errors import UserError
from shared.events.ids import ID_HEX_LENGTH
from shared.events.ids import document_id as document_id_of
from shared.keys.port import TenantPurpose

SHORTEST: Final = 4
ATTACHMENT_MARK: Final = "#"

_ID: Final = re.compile(rf"[0-9a-f]{{{SHORTEST},{ID_HEX_LENGTH}}}", re.ASCII)


def find_document(house: House, typed: str) -> RegisteredDocument:
    """Return the document that a person means.

    Args:
        house: where documents are.
        typed: an id or its first characters; or a file, which is found by its content, wherever it
            lies now; or ``path#name``, an e-mail's attachment.

    Raises:
        UserError: there is none, or more than one.
    """
    typed = typed.strip()
    if _ID.fullmatch(typed.lower()):
        found = _by_id(house, typed.lower())
        if found is not None:
            return found
    path, mark, name = typed, "", ""
    if not os.path.lexists(typed):
        path, mark, name = typed.rpartition(ATTACHMENT_MARK)
    if path and os.path.lexists(path):
        document = _by_content(house, Path(path))
        return _attachment(house, document, name) if mark else document
    if len(typed) < SHORTEST:
        raise UserError(f"give at least {SHORTEST} characters of the document's id, or its file")
    raise UserError(
        f"{printable(typed)}: no document has that id, and there is no such file; "
        "'docledger run' shows the ids"
    )


def _by_id(house: House, prefix: str) -> RegisteredDocument | None:
    if len(prefix) == ID_HEX_LENGTH:
        return house.register.document(house.tenant, prefix)
    found = house.register.documents(house.tenant, beginning=prefix)
    if len(found) > 1:
        raise UserError(f"{len(found)} documents' ids begin so; give more characters")
    return found[0] if found else None


def _by_content(house: House, path: Path) -> RegisteredDocument:
    """Ids are keyed hashes of the content, so a file says itself which document it is."""
    try:
        content = read_file(path)
    except RefusedAtTheDoorError as err:
        raise UserError(
            f"{printable(path)}: cannot be read as a file ({err.reason.value}); give the "
            "document's id"
        ) from err
    if not house.keyring.has_tenant(house.tenant):
        raise UserError(f"{printable(house.tenant)}: no tenant is called so; check --tenant")
    key = house.keyring.tenant_key(house.tenant, TenantPurpose.IDS)
    document = house.register.document(house.tenant, document_id_of(key, content))
    if document is None:
        raise UserError(
            f"{printable(path)}: no document was made of these bytes; "
            "'docledger run' takes them in or says why not"
        )
    return document


def _attachment(house: House, email: RegisteredDocument, name: str) -> RegisteredDocument:
    found = [
        one
        for one in Outcomes(house, email.tenant).attachments(email.job_id)
        if name in (one.name, printable(one.name)) and one.document_id
    ]
    if len(found) != 1:
        raise UserError(
            f"{len(found) or 'no'} attachments of that e-mail are called {printable(name)}; "
            "'docledger show' on the e-mail lists them with their ids"
        )
    assert found[0].document_id is not None
    document = house.register.document(email.tenant, found[0].document_id)
    if document is None:
        raise UserError(f"{printable(name)}: no document was made of that attachment")
    return document
