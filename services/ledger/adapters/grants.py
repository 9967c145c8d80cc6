"""What each role may do with the journal on PostgreSQL; whatever is not here, it may not.

Entries, postings, checkpoints and intents are updated and deleted by nobody: the three columns that
are set once, and only they, are granted. The triggers of the migrations say the same to whoever has
more, the owner included.
"""

from typing import Final, Literal

from services.ledger.adapters.tables import entries, intents, outbox
from shared.database.schema import Grant

WORKER: Final = "worker"
"""Books what arrives, and what a person decides at the desk."""

SEQUENCER: Final = "sequencer"
"""Gives entries their place, seals and tells; opens no document and books nothing."""

READER: Final = "reader"
"""Audits and exports. It sees document ids, which are keyed and name nobody: a finding must say
which document it is about. It sees no fingerprints, which would tell who had the same invoice."""

AUDITOR: Final = "auditor"
"""The auditor API: searches by what leaves say anyway, and reads old checkpoints. It sees no
document ids, no job, and not even the leaves: those it takes from the published log."""

_FACTS: Final = tuple(column.name for column in entries.c if column.name != "log_index")
_TO_TELL: Final = tuple(column.name for column in outbox.c if column.name != "published_at")
_DECIDED: Final = tuple(column.name for column in intents.c if column.name != "note")

_SEARCHED: Final = (
    *("seq", "entry_id", "tenant", "log_index"),
    *("kind", "document_type", "date", "settles"),
)

_KEPT: Final[tuple[Literal["SELECT", "INSERT"], ...]] = ("SELECT", "INSERT")

GRANTS: Final = (
    Grant(WORKER, "SELECT", "entries", "what stands decides what may be booked"),
    Grant(WORKER, "INSERT", "entries", "it books; an index is the sequencer's to give", _FACTS),
    Grant(WORKER, "SELECT", "postings", "a reversal repeats them with the other sign"),
    Grant(WORKER, "INSERT", "postings", "it books"),
    Grant(WORKER, "SELECT", "outbox", "a decision by hand goes on with the document's trail"),
    Grant(WORKER, "INSERT", "outbox", "a booking is to be told", _TO_TELL),
    Grant(WORKER, "UPDATE", "outbox", "a redelivery has it told again", ("published_at",)),
    Grant(WORKER, "SELECT", "fingerprints", "the same invoice again is held"),
    Grant(WORKER, "INSERT", "fingerprints", "a post leaves its fingerprint"),
    Grant(WORKER, "DELETE", "fingerprints", "voiding, reversing and erasing take it away"),
    *(
        Grant(WORKER, privilege, table, "what needs two persons is kept, and how it ended")
        for table in ("proposals", "proposal_ends")
        for privilege in _KEPT
    ),
    Grant(SEQUENCER, "SELECT", "entries", "their leaves go into the log"),
    Grant(SEQUENCER, "UPDATE", "entries", "it gives the index, once", ("log_index",)),
    Grant(SEQUENCER, "SELECT", "postings", "an entry is read whole"),
    Grant(SEQUENCER, "SELECT", "outbox", "what waits to be told"),
    Grant(SEQUENCER, "UPDATE", "outbox", "it was told", ("published_at",)),
    Grant(SEQUENCER, "SELECT", "intents", "what was decided is finished first"),
    Grant(SEQUENCER, "INSERT", "intents", "it decides a size and a root", _DECIDED),
    Grant(SEQUENCER, "UPDATE", "intents", "it keeps the signed note, once", ("note",)),
    Grant(SEQUENCER, "SELECT", "checkpoints", "a contradiction is refused"),
    Grant(SEQUENCER, "INSERT", "checkpoints", "it records what it published"),
    Grant(SEQUENCER, "SELECT", "sequencer", "whose turn it is"),
    Grant(SEQUENCER, "INSERT", "sequencer", "the first lease"),
    Grant(
        *(SEQUENCER, "UPDATE", "sequencer", "it takes and extends the lease"),
        ("holder", "fence", "expires_at"),
    ),
    Grant(READER, "SELECT", "entries", "books are exported, audits compare every row"),
    Grant(READER, "SELECT", "postings", "balances"),
    Grant(READER, "SELECT", "outbox", "an audit compares it with the entries"),
    Grant(READER, "SELECT", "checkpoints", "an audit compares them with the log"),
    Grant(READER, "SELECT", "intents", "what was decided must be what was published"),
    Grant(AUDITOR, "SELECT", "entries", "where in the log to look", _SEARCHED),
    Grant(AUDITOR, "SELECT", "postings", "by account, currency and amount"),
    Grant(AUDITOR, "SELECT", "checkpoints", "the log keeps its newest only"),
    Grant(READER, "SELECT", "proposals", "who proposed what is open to an audit"),
    Grant(READER, "SELECT", "proposal_ends", "and so is who decided it"),
)
