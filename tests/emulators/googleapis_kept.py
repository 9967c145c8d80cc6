"""What a project as it should be keeps of what happened: logs, records of calls, backups."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Placed = Iterator[tuple[str, dict[str, Any]]]

NOW: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""When it is as it should be; a fake clock begins then."""

RECORDS: Final = (
    'log_id("cloudaudit.googleapis.com/activity") OR '
    'log_id("cloudaudit.googleapis.com/data_access") OR '
    'log_id("cloudaudit.googleapis.com/policy") OR '
    'log_id("cloudaudit.googleapis.com/system_event")'
)


def sinks(place: str, here: str, archive: str, writer: str) -> Placed:
    """Yield the sinks at a place: where each leads, and what it takes."""
    buckets = f"logging.googleapis.com/{here}/buckets"
    project = here.rpartition("/locations/")[0]
    required = f"logging.googleapis.com/{project}/locations/global/buckets/_Required"
    for name, destination, takes in (
        ("_Required", required, 'LOG_ID("cloudaudit.googleapis.com/activity")'),
        ("_Default", f"{buckets}/docledger-logs", f"NOT ({RECORDS})"),
        ("docledger-audit-searched", f"{buckets}/docledger-audit", RECORDS),
        ("docledger-audit-archived", f"storage.googleapis.com/{archive}", RECORDS),
    ):
        said = {"name": name, "destination": destination, "filter": takes}
        # Within a project Cloud Logging writes as itself.
        outside = destination.startswith("storage.")
        yield f"{place}/{name}", said | ({"writerIdentity": writer} if outside else {})


def recorded() -> list[dict[str, Any]]:
    """Return whose calls are recorded, as a policy says it."""
    apis = (
        "aiplatform artifactregistry cloudkms cloudsql documentai iam iamcredentials pubsub run "
        "secretmanager storage"
    )
    return [
        {
            "service": f"{api}.googleapis.com",
            "auditLogConfigs": [
                {"logType": kind} for kind in ("ADMIN_READ", "DATA_READ", "DATA_WRITE")
            ],
        }
        for api in apis.split()
    ]


def backups(place: str) -> Placed:
    """Yield two weeks of nightly backups, and from before them runs that hold nothing."""
    for nights in range(14):
        yield _run(place, nights, "SUCCESSFUL")
    for nights, status in ((35, "FAILED"), (36, "SKIPPED"), (37, "DELETED")):
        yield _run(place, nights, status)
    name, run = _run(place, 40, "ENQUEUED")
    yield name, {key: value for key, value in run.items() if key != "endTime"}


def _run(place: str, nights: int, status: str) -> tuple[str, dict[str, Any]]:
    ended = NOW - timedelta(days=nights + 1) + timedelta(hours=2, minutes=10)
    made = {"id": str(100 - nights), "type": "AUTOMATED", "status": status}
    return f"{place}/{100 - nights}", {**made, "endTime": f"{ended:%Y-%m-%dT%H:%M:%S}.094Z"}
