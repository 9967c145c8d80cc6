"""Bringing back what somebody took from the books: the rows say less than what is published.

A sealed entry's row is made again from its leaf, which anyone can check, and the outbox row that
names its document. An outbox row is made again from its entry. What has neither is gone.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from services.ledger.audit import Finding, FindingCode, made_again
from services.ledger.entries import Entry, Posting, Trail
from services.ledger.leaf import particulars_in, read_leaf
from services.ledger.ports import LogReader, Restoring
from shared.events.payloads import DocumentType, EntryKind
from shared.telemetry.reasons import HeldReason


def bring_back(
    findings: Iterable[Finding],
    *,
    journal: Restoring,
    log: LogReader,
    trail_of: Callable[[str, str], Trail | None],
) -> list[Finding]:
    """Restore entries and outbox rows that an audit missed.

    Args:
        findings: of ``check_books``.
        journal: the books.
        log: the published leaves.
        trail_of: where the work on a document (of a tenant) began, if anybody knows.

    Returns:
        The findings that were mended.
    """
    mended: list[Finding] = []
    for finding in findings:
        if finding.document_id is None or finding.entry_id is None:
            continue
        if finding.code is FindingCode.OUTBOX_MISSING:
            trail = trail_of(finding.tenant, finding.document_id)
            if trail is not None:
                journal.restore_outbox(finding.entry_id, trail)
                mended.append(finding)
        elif finding.code is FindingCode.LEAF_UNKNOWN and finding.index is not None:
            leaf = next(islice(log.leaves(finding.tenant), finding.index, None))
            entry = entry_in(leaf, tenant=finding.tenant, document_id=finding.document_id)
            if entry is not None:
                journal.restore_entry(entry, finding.index)
                mended.append(finding)
    return mended


def entry_in(leaf: bytes, *, tenant: str, document_id: str) -> Entry | None:
    """Return the entry that a leaf came from; None when it does not make this very leaf again."""
    said = read_leaf(leaf)
    try:
        entry = _entry(said, leaf, tenant, document_id)
    except (KeyError, TypeError, ValueError):
        return None
    return entry if made_again(entry) == leaf else None


def _entry(said: dict[str, Any], leaf: bytes, tenant: str, document_id: str) -> Entry:
    return Entry(
        entry_id=said["id"],
        tenant=tenant,
        document_id=document_id,
        revision=said["revision"],
        kind=EntryKind(said["kind"]),
        ordinal=said["ordinal"],
        commitment=said.get("commitment", ""),
        document_type=DocumentType(said["type"]) if "type" in said else None,
        date=dt.date.fromisoformat(said["date"]) if "date" in said else None,
        reason=HeldReason(said["reason"]) if "reason" in said else None,
        postings=tuple(
            Posting(one["account"], one["currency"], one["amount"])
            for one in said.get("postings", ())
        ),
        settles=said.get("settles"),
        actor=said.get("actor"),
        leaf=leaf,
        links=said.get("links"),
        approver=said.get("approver"),
        particulars=particulars_in(said),
    )
