"""Finding documents by what a person types."""

from deploy.local.house import House
from services.ingest.ports import RegisteredDocument
from shared.errors import UserError

SHORTEST = 4


def find_document(house: House, typed: str) -> RegisteredDocument:
    """Return the document whose id is, or begins with, ``typed``.

    Raises:
        UserError: there is none, or more than one.
    """
    typed = typed.strip().lower()
    if len(typed) < SHORTEST:
        raise UserError(f"give at least {SHORTEST} characters of the document's id")
    found = [one for one in house.register.documents() if one.document_id.startswith(typed)]
    if not found:
        raise UserError("no document has that id; 'docledger status' and 'run' show the ids")
    if len(found) > 1:
        raise UserError(f"{len(found)} documents' ids begin so; give more characters")
    return found[0]
