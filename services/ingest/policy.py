"""How long documents are kept, and which must stay: a YAML file that people write and read.

::

    keep_days:            # since the document was handed in last; what no line names stays
      invoice: 3650
      letter: 730
      email: 730          # the e-mail itself; its attachments go by their own types
      unread: 90          # in quarantine: nobody could say what it is
    tenants:              # other days for some tenants; the rest as above
      acme:
        keep_days: {letter: 365}
    hold:                 # must stay whatever the days say; refused to who erases by hand, too
      tenants: [globex]
      documents: [d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0]
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import Field

from services.ingest.registered import RegisteredDocument, Terminal
from services.ingest.stated import Stated, read_stated
from shared.events.payloads import DocumentType, Identifier, TenantName

Kind = DocumentType | Literal["email", "unread"]
"""What a rule is about."""

CALLED: Final = "the retention policy"
"""In messages."""

MOST_DAYS: Final = 36_500

Days = Annotated[int, Field(ge=1, le=MOST_DAYS)]


class Hold(Stated):
    """What must stay.

    Attributes:
        tenants: every document of theirs.
        documents: ids.
    """

    tenants: frozenset[TenantName] = frozenset()
    documents: frozenset[Identifier] = frozenset()


class Rules(Stated):
    """Days by kind.

    Attributes:
        keep_days: since a document was handed in last.
    """

    keep_days: Mapping[Kind, Days] = Field(default_factory=dict)


class Policy(Rules):
    """The whole file.

    Attributes:
        tenants: other rules for some tenants.
        hold: what must stay.
    """

    tenants: Mapping[TenantName, Rules] = Field(default_factory=dict)
    hold: Hold = Hold()

    @classmethod
    def read(cls, source: str | None) -> Self:
        """Return what the source says; without one, everything is kept.

        Args:
            source: a file's path; or, where no file is at hand, the YAML itself, in braces.

        Raises:
            UserError: it cannot be read, or says something that no policy says.
        """
        return read_stated(cls, source, CALLED)

    def keeps_for(self, tenant: str, kind: Kind | None) -> timedelta | None:
        """Return how long a kind of document is kept; None when for ever."""
        if kind is None:
            return None
        own = self.tenants.get(tenant)
        days = own.keep_days.get(kind) if own is not None else None
        days = days if days is not None else self.keep_days.get(kind)
        return None if days is None else timedelta(days=days)

    @property
    def keeps_all(self) -> bool:
        """Whether no rule erases anything."""
        return not (self.keep_days or any(own.keep_days for own in self.tenants.values()))

    def holds(self, tenant: str, document_id: str) -> bool:
        """Tell whether a document must stay."""
        return tenant in self.hold.tenants or document_id in self.hold.documents


def kind_of(document: RegisteredDocument) -> Kind | None:
    """Return what a document is to a policy.

    None where it was booked before the register noted types: no rule is about it.
    """
    if document.terminal is Terminal.EXPANDED:
        return "email"
    if document.terminal is Terminal.QUARANTINED:
        return document.document_type or "unread"
    return document.document_type
