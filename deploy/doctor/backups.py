"""How far back the backups of a database go: how many are kept is no number of days. No I/O."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deploy.doctor.lines import Line, compared, told
from deploy.doctor.reading import UnseenError
from deploy.doctor.subjects import BACKUPS_AT_MOST

CHECK: Final = "oldest backup"

_EMPTY: Final = frozenset({"ENQUEUED", "OVERDUE", "RUNNING", "FAILED", "SKIPPED", "DELETED"})
"""Runs that hold nothing, or nothing yet; one whose deletion waits or failed is still there."""


def oldest(resource: str, runs: Iterable[Any], now: datetime) -> Line:
    """Return whether what was erased is in no backup after 30 days.

    Cloud SQL keeps a number of nightly backups: after nights that were missed the oldest is older
    than that many days. One that a person made stays until somebody deletes it.

    Args:
        resource: the database.
        runs: as the Cloud SQL Admin API lists them, ``BackupRun``.
        now: in UTC.

    Raises:
        UnseenError: one of them has no date.
    """
    ended = [(_end(run), told(run.get("type"))) for run in runs if _is_there(run)]
    expected = f"at most {BACKUPS_AT_MOST} days old"
    if not ended:
        return compared(resource, CHECK, expected, "no backup", same=True)
    when, kind = min(ended)
    same = now - when <= timedelta(days=BACKUPS_AT_MOST)
    return compared(resource, CHECK, expected, f"{kind} of {when:%Y-%m-%d %H:%M} UTC", same=same)


def _is_there(run: Any) -> bool:  # noqa: ANN401 - whatever an API answers
    if not isinstance(run, dict):
        raise UnseenError("an API answers something else than a backup")
    return told(run.get("status")) not in _EMPTY


def _end(run: dict[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(run["endTime"]).astimezone(UTC)
    except (KeyError, OverflowError, TypeError, ValueError) as err:
        raise UnseenError("an API answers a backup without a date") from err
