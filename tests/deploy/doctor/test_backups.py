"""How old the oldest backup may be, and which runs are backups at all."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from deploy.doctor.backups import oldest
from deploy.doctor.lines import Line, Status
from deploy.doctor.reading import UnseenError

NOW: Final = datetime(2026, 1, 31, 2, 10, tzinfo=UTC)


def judged(*runs: Any) -> Line:
    """Return what is said of them."""
    return oldest("database/books", runs, NOW)


def ended(at: str, status: str = "SUCCESSFUL") -> dict[str, str]:
    """Return a nightly backup."""
    return {"endTime": at, "status": status, "type": "AUTOMATED"}


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2026-01-01T02:10:00.000Z", Status.OK),
        ("2026-01-01T02:09:59.999Z", Status.DIFFERS),
        ("2026-01-01T03:10:00+01:00", Status.OK),
    ],
)
def test_a_backup_of_30_days_is_the_oldest_that_may_be(at: str, status: Status) -> None:
    """What was erased is in none after that: the day that the records of processing name."""
    line = judged(ended("2026-01-30T02:10:00Z"), ended(at))
    assert line.status is status
    assert line.found.startswith("AUTOMATED of 2026-01-01 02:")


@pytest.mark.parametrize(
    "status", ["FAILED", "SKIPPED", "DELETED", "RUNNING", "ENQUEUED", "OVERDUE"]
)
def test_a_run_that_holds_nothing_is_no_backup(status: str) -> None:
    """Nothing can be restored from it, however old it is."""
    assert judged(ended("2020-01-01T00:00:00Z", status)).found == "no backup"


@pytest.mark.parametrize("status", ["DELETION_PENDING", "DELETION_FAILED", "NEW_IN_2030", ""])
def test_a_run_of_any_other_kind_is_there(status: str) -> None:
    """A deletion that waits or failed has deleted nothing."""
    assert judged(ended("2020-01-01T00:00:00Z", status)).status is Status.DIFFERS


@pytest.mark.parametrize(
    "run",
    [
        1,
        None,
        [],
        {},
        ended("yesterday"),
        ended(""),
        {"endTime": 1},
        ended("0001-01-01T00:00:00+05:00"),
    ],
    ids=str,
)
def test_a_backup_without_a_date_is_not_seen(run: Any) -> None:
    """Of any age: no success."""
    with pytest.raises(UnseenError):
        judged(run)
