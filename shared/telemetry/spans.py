"""Spans and their attributes: one closed set, so that a trace can never carry content."""

from enum import StrEnum
from typing import Final

from shared.telemetry.values import Kind


class SpanName(StrEnum):
    """What a span measures."""

    SUBMIT = "submit"  # bytes are stored in the inbox and announced
    PROCESS = "process"  # one delivery at one stage, from decoding to settling
    HANDLE = "handle"  # the handler alone
    READ_PAGES = "read_pages"  # one page range is read
    PARSE = "parse"  # foreign bytes in the sandbox
    CALL = "call"  # a call of another service
    STORE = "store"  # a result is sealed and stored
    PUBLISH = "publish"  # events are handed to the bus
    SEAL = "seal"  # an entry gets its index and a checkpoint covers it
    REPLAY = "replay"  # a person sends quarantined work on its way again
    SWEEP = "sweep"  # a late document's last event is published again
    ERASE = "erase"  # a key is destroyed


class SpanAttribute(StrEnum):
    """What a span may say."""

    STAGE = "stage"  # who worked
    ATTEMPT = "attempt"  # how often this delivery was handed out, this time included
    OUTCOME = "outcome"  # how it was settled
    REASON = "reason"  # why it was refused, quarantined or held
    ERROR = "error"  # the type of the exception that ended it
    DOCUMENT_ID = "document_id"  # the document
    JOB_ID = "job_id"  # the submission that the work began with
    SUBSCRIPTION = "subscription"  # which subscription delivered it
    EVENT_TYPE = "event_type"  # of the event that was delivered
    REVISION = "revision"  # of the document
    REPLAY = "replay"  # how often a person has replayed the work
    PAGES = "pages"  # how many pages it was about
    SIZE = "size"  # how many bytes it was about
    INDEX = "index"  # of the entry in the log


ATTRIBUTE_KINDS: Final[dict[SpanAttribute, Kind]] = {
    SpanAttribute.STAGE: Kind.CODE,
    SpanAttribute.ATTEMPT: Kind.INTEGER,
    SpanAttribute.OUTCOME: Kind.CODE,
    SpanAttribute.REASON: Kind.CODE,
    SpanAttribute.ERROR: Kind.ERROR,
    SpanAttribute.DOCUMENT_ID: Kind.ID,
    SpanAttribute.JOB_ID: Kind.ID,
    SpanAttribute.SUBSCRIPTION: Kind.SUBSCRIPTION,
    SpanAttribute.EVENT_TYPE: Kind.CODE,
    SpanAttribute.REVISION: Kind.INTEGER,
    SpanAttribute.REPLAY: Kind.INTEGER,
    SpanAttribute.PAGES: Kind.INTEGER,
    SpanAttribute.SIZE: Kind.INTEGER,
    SpanAttribute.INDEX: Kind.INTEGER,
}
