"""What a log line may say: one closed set of fields, each of one kind."""

from enum import StrEnum
from typing import Final

from shared.telemetry.values import Kind


class LogField(StrEnum):
    """Every field of a log line, in the order in which they stand."""

    TS = "ts"  # when, RFC 3339 in UTC with milliseconds
    TIME = "time"  # the same, where Cloud Logging looks for it; these four only with a project
    CLOUD_TRACE = "logging.googleapis.com/trace"  # the trace, as Cloud Trace names it
    CLOUD_SPAN = "logging.googleapis.com/spanId"  # the span
    CLOUD_SAMPLED = "logging.googleapis.com/trace_sampled"  # whether the trace is kept
    SEVERITY = "severity"  # INFO, WARNING or ERROR
    OP = "op"  # what happened: a log event
    CODE = "code"  # its outcome or reason
    DURATION_MS = "duration_ms"  # how long it took
    STAGE = "stage"  # who speaks
    JOB_ID = "job_id"  # the submission
    DOCUMENT_ID = "document_id"  # the document
    TRACE = "trace"  # the trace of the document
    SPAN = "span"  # the span of this work
    SUBSCRIPTION = "subscription"  # which subscription delivered it
    EVENT_TYPE = "event_type"  # of the event that was delivered
    EVENT_ID = "event_id"  # likewise
    ENTRY_ID = "entry_id"  # the ledger entry
    ATTEMPT = "attempt"  # how often this delivery was handed out
    DELAY_S = "delay_s"  # before it is handed out again
    REVISION = "revision"  # of the document
    REPLAY = "replay"  # how often a person has replayed the work
    PAGES = "pages"  # how many pages it was about
    SIZE = "size"  # how many bytes, or the size of the tree
    INDEX = "index"  # of the entry in the log
    COUNT = "count"  # how many of what the op is about
    STATUS = "status"  # an HTTP status
    OPERATION = "operation"  # what a caller of an API asked for
    PID = "pid"  # a process
    EXIT_CODE = "exit_code"  # of a process; negative: the signal that ended it
    ERROR = "error"  # the type of an exception, never its message
    ERROR_AT = "error_at"  # where it was raised: module and line
    CAUSE = "cause"  # the type of the exception that caused it
    LIBRARY = "library"  # whose message it is
    TEXT = "text"  # free text, masked and capped: the only field that can hold any
    DROPPED = "dropped"  # how many fields of this line were kept out


FIELD_KINDS: Final[dict[str, Kind]] = {
    LogField.CODE.value: Kind.CODE,
    LogField.DURATION_MS.value: Kind.NUMBER,
    LogField.JOB_ID.value: Kind.ID,
    LogField.DOCUMENT_ID.value: Kind.ID,
    LogField.TRACE.value: Kind.TRACE,
    LogField.SPAN.value: Kind.SPAN,
    LogField.SUBSCRIPTION.value: Kind.SUBSCRIPTION,
    LogField.EVENT_TYPE.value: Kind.CODE,
    LogField.EVENT_ID.value: Kind.ID,
    LogField.ENTRY_ID.value: Kind.ID,
    LogField.ATTEMPT.value: Kind.INTEGER,
    LogField.DELAY_S.value: Kind.NUMBER,
    LogField.REVISION.value: Kind.INTEGER,
    LogField.REPLAY.value: Kind.INTEGER,
    LogField.PAGES.value: Kind.INTEGER,
    LogField.SIZE.value: Kind.INTEGER,
    LogField.INDEX.value: Kind.INTEGER,
    LogField.COUNT.value: Kind.INTEGER,
    LogField.STATUS.value: Kind.INTEGER,
    LogField.OPERATION.value: Kind.CODE,
    LogField.PID.value: Kind.INTEGER,
    LogField.EXIT_CODE.value: Kind.INTEGER,
    LogField.ERROR.value: Kind.ERROR,
    LogField.LIBRARY.value: Kind.MODULE,
    LogField.TEXT.value: Kind.TEXT,
}
"""What a caller may give; and ``traceparent``, for trace and span at once. The logger itself makes
the others (ts, severity, op, stage, error_at, cause, dropped, and what Cloud Logging wants)."""
