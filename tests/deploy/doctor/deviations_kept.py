"""Deviations of what is kept of what happened: logs, records of calls, backups."""

from typing import Any, Final

from tests.deploy.doctor.breaking import Break, gone, new, other_key, put
from tests.emulators.googleapis import GoogleApis
from tests.emulators.googleapis_kept import RECORDS
from tests.emulators.googleapis_site import LOGS, PROJECT, PROJECTS, SINKS, SQL

BOOKS: Final = f"{SQL}/docledger"
SETTINGS: Final = "settings.backupConfiguration"
RUNS: Final = f"{BOOKS}/backupRuns"
DEFAULT: Final = f"{SINKS}/_Default"
SEARCHED: Final = f"{SINKS}/docledger-audit-searched"
ARCHIVED: Final = f"{SINKS}/docledger-audit-archived"
GOOGLES: Final = f"logging.googleapis.com/projects/{PROJECT}/locations/global/buckets/_Default"
STORED: Final = "records of storage.googleapis.com"


def _recorded(api: str, *logs: dict[str, Any]) -> Break:
    """Return that this is recorded of an API, and no more."""

    def change(apis: GoogleApis) -> None:
        [its] = [one for one in apis.recorded[PROJECTS] if one["service"] == api]
        its["auditLogConfigs"] = list(logs)

    return change


KEPT: Final[dict[str, tuple[str, str, Break]]] = {
    # Where logs go, and under which key they lie.
    "log-bucket-key": (
        "log_bucket/audit",
        "key",
        put(f"{LOGS}/docledger-audit", "cmekSettings", {}),
    ),
    "other-logs-key": (
        "log_bucket/others",
        "key",
        other_key(f"{LOGS}/docledger-logs", "cmekSettings.kmsKeyName"),
    ),
    "no-log-bucket": ("log_bucket/others", "is", gone(f"{LOGS}/docledger-logs")),
    "logs-under-googles-key": ("sink/_Default", "leads to", put(DEFAULT, "destination", GOOGLES)),
    "some-logs-alone": ("sink/_Default", "takes", put(DEFAULT, "filter", "severity>=ERROR")),
    "no-logs": ("sink/_Default", "disabled", put(DEFAULT, "disabled", True)),  # noqa: FBT003 - the value
    "no-default-sink": ("sink/_Default", "is", gone(DEFAULT)),
    "no-audit-sink": ("sink/docledger-audit-archived", "is", gone(ARCHIVED)),
    "audit-sink-disabled": (
        "sink/docledger-audit-archived",
        "disabled",
        put(ARCHIVED, "disabled", True),  # noqa: FBT003 - the value
    ),
    "reading-not-archived": (
        "sink/docledger-audit-archived",
        "takes",
        put(ARCHIVED, "filter", 'log_id("cloudaudit.googleapis.com/activity")'),
    ),
    "one-spared-by-filter": (
        "sink/docledger-audit-searched",
        "takes",
        put(SEARCHED, "filter", f"({RECORDS}) AND NOT protoPayload.methodName:Decrypt"),
    ),
    "one-spared-by-exclusion": (
        "sink/docledger-audit-archived",
        "leaves out",
        put(ARCHIVED, "exclusions", [{"name": "one", "filter": 'resource.type="gcs_bucket"'}]),
    ),
    "archived-elsewhere": (
        "sink/docledger-audit-archived",
        "leads to",
        put(ARCHIVED, "destination", "storage.googleapis.com/elsewhere"),
    ),
    "archived-by-who-may-not": (
        "sink/docledger-audit-archived",
        "writes as",
        put(ARCHIVED, "writerIdentity", "serviceAccount:cloud-logs@system.gserviceaccount.com"),
    ),
    "logs-carried-away": (
        "sinks",
        "no other sink",
        new(f"{SINKS}/leak", destination="storage.googleapis.com/elsewhere"),
    ),
    # Whose calls are recorded.
    "reading-not-recorded": (
        "project",
        STORED,
        _recorded("storage.googleapis.com", {"logType": "ADMIN_READ"}, {"logType": "DATA_WRITE"}),
    ),
    "nothing-recorded": (
        "project",
        "records of cloudkms.googleapis.com",
        _recorded("cloudkms.googleapis.com"),
    ),
    "one-not-recorded": (
        "project",
        STORED,
        _recorded(
            "storage.googleapis.com",
            {"logType": "ADMIN_READ"},
            {"logType": "DATA_READ", "exemptedMembers": ["user:quiet@example.com"]},
            {"logType": "DATA_WRITE"},
        ),
    ),
    # Backups: what was erased is in none after 30 days.
    "database-no-way-back": (
        "database/books",
        "any point in time",
        put(BOOKS, f"{SETTINGS}.pointInTimeRecoveryEnabled", False),  # noqa: FBT003 - the value
    ),
    "backups-for-ever": (
        "database/books",
        "backups kept",
        put(BOOKS, f"{SETTINGS}.backupRetentionSettings.retainedBackups", 365),
    ),
    "backup-from-before-missed-nights": (
        "database/books",
        "oldest backup",
        put(f"{RUNS}/87", "endTime", "2025-12-01T23:59:59.999999999Z"),
    ),
    "backup-that-somebody-made": (
        "database/books",
        "oldest backup",
        new(f"{RUNS}/1", type="ON_DEMAND", status="SUCCESSFUL", endTime="2025-06-01T00:00:00Z"),
    ),
    "backup-that-would-not-go": (
        "database/books",
        "oldest backup",
        put(f"{RUNS}/63", "status", "DELETION_FAILED"),
    ),
}
"""As ``DEVIATIONS``: where, in which check, how it comes about."""
