"""Spans and their attributes: one closed set, so that a trace can never carry content.

Names and attributes follow OpenTelemetry's semantic conventions for messaging (those of Google
Cloud Pub/Sub included) where there is one; ours begin with ``docledger.``. A span that handles
messages is called by its operation and its subscription or topic, ``process ocr.pages-read``.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from opentelemetry.trace import SpanKind

from shared.events.payloads import EventType
from shared.telemetry.values import Kind


class SpanName(StrEnum):
    """What a span measures."""

    SUBMIT = "submit"  # bytes are sealed into the inbox: the root of the trace
    PROCESS = "process"  # one delivery at one stage, from decoding to settling
    HANDLE = "handle"  # the handler alone; told only where it took a millisecond, or failed
    STORE = "store"  # a result is sealed and stored; told only where it took a millisecond
    SEND = "send"  # the events that follow are handed to the bus
    SEAL = "seal"  # a checkpoint covers an entry, and its event is handed to the bus
    REPLAY = "replay"  # quarantined work is sent on its way again
    SWEEP = "sweep"  # a late document's last event, or an upload's, is published again
    ERASE = "erase"  # a key is destroyed, and its document's erasure announced


class SpanAttribute(StrEnum):
    """What a span may say."""

    STAGE = "docledger.stage"  # who worked
    ATTEMPT = "docledger.attempt"  # how often this delivery was handed out, this time included
    OUTCOME = "docledger.outcome"  # how it was settled
    REASON = "docledger.reason"  # why it was refused, quarantined or held
    DOCUMENT_ID = "docledger.document_id"  # the document
    JOB_ID = "docledger.job_id"  # the submission that the work began with
    REVISION = "docledger.revision"  # of the document
    REPLAY = "docledger.replay"  # how often a person has replayed the work
    PAGES = "docledger.pages"  # how many pages it was about
    SIZE = "docledger.size"  # how many bytes it was about
    INDEX = "docledger.index"  # of the entry in the log
    LINK = "docledger.link"  # on a link: what the other span is to this one
    LINKS = "docledger.links"  # in Cloud Trace, which gives no links back: the links
    ERROR = "error.type"  # what ended it: the type of an exception, or a reason
    SYSTEM = "messaging.system"  # which bus
    OPERATION = "messaging.operation.name"  # what is done with messages: the span's own name
    OPERATION_TYPE = "messaging.operation.type"  # which of the convention's kinds that is
    TOPIC = "messaging.destination.name"  # the topic that messages are sent to or come from
    SUBSCRIPTION = "messaging.destination.subscription.name"  # which subscription delivered it
    MESSAGE_ID = "messaging.message.id"  # the event's id
    MESSAGES = "messaging.batch.message_count"  # how many events, where they are several
    DELIVERY_ATTEMPT = "messaging.gcp_pubsub.message.delivery_attempt"  # as Pub/Sub counts


class Link(StrEnum):
    """What a linked span is to the one that links to it."""

    ATTEMPT_BEFORE = "attempt_before"  # the attempt at the same work before this one
    GAVE_UP = "gave_up"  # the attempt that put into quarantine what is replayed


class MessagingSystem(StrEnum):
    """Which bus carries the events."""

    PUBSUB = "gcp_pubsub"  # Google Cloud Pub/Sub, as the conventions call it
    EMBEDDED = "docledger_sqlite"  # the bus of one machine


class OperationType(StrEnum):
    """The kinds of messaging operation that the conventions know and we have."""

    CREATE = "create"  # a message is made: its context is what consumers name as their parent
    SEND = "send"  # messages are handed to the bus
    PROCESS = "process"  # a message is worked on


@dataclass(frozen=True, slots=True)
class SpanSpec:
    """What kind of span a name stands for.

    Attributes:
        kind: as OpenTelemetry has it.
        operation: the messaging operation; None where it is none.
        named_by: the attribute whose value is the second half of the span's name.
        topic: where the messages go, where that is always the same.
    """

    kind: SpanKind
    operation: OperationType | None = None
    named_by: SpanAttribute | None = None
    topic: EventType | None = None


SPANS: Final[dict[SpanName, SpanSpec]] = {
    SpanName.SUBMIT: SpanSpec(
        SpanKind.PRODUCER, OperationType.CREATE, SpanAttribute.TOPIC, EventType.UPLOAD_ARRIVED
    ),
    SpanName.PROCESS: SpanSpec(
        SpanKind.CONSUMER, OperationType.PROCESS, SpanAttribute.SUBSCRIPTION
    ),
    SpanName.HANDLE: SpanSpec(SpanKind.INTERNAL),
    SpanName.STORE: SpanSpec(SpanKind.INTERNAL),
    SpanName.SEND: SpanSpec(SpanKind.PRODUCER, OperationType.SEND, SpanAttribute.TOPIC),
    SpanName.SEAL: SpanSpec(SpanKind.PRODUCER, OperationType.SEND, SpanAttribute.TOPIC),
    SpanName.REPLAY: SpanSpec(SpanKind.PRODUCER, OperationType.SEND, SpanAttribute.TOPIC),
    SpanName.SWEEP: SpanSpec(SpanKind.PRODUCER, OperationType.SEND, SpanAttribute.TOPIC),
    SpanName.ERASE: SpanSpec(
        SpanKind.PRODUCER, OperationType.SEND, SpanAttribute.TOPIC, EventType.DOCUMENT_ERASED
    ),
}

ATTRIBUTE_KINDS: Final[dict[SpanAttribute, Kind]] = {
    SpanAttribute.STAGE: Kind.CODE,
    SpanAttribute.ATTEMPT: Kind.INTEGER,
    SpanAttribute.OUTCOME: Kind.CODE,
    SpanAttribute.REASON: Kind.CODE,
    SpanAttribute.DOCUMENT_ID: Kind.ID,
    SpanAttribute.JOB_ID: Kind.ID,
    SpanAttribute.REVISION: Kind.INTEGER,
    SpanAttribute.REPLAY: Kind.INTEGER,
    SpanAttribute.PAGES: Kind.INTEGER,
    SpanAttribute.SIZE: Kind.INTEGER,
    SpanAttribute.INDEX: Kind.INTEGER,
    SpanAttribute.LINK: Kind.CODE,
    SpanAttribute.LINKS: Kind.LINKS,
    SpanAttribute.ERROR: Kind.FAILURE,
    SpanAttribute.SYSTEM: Kind.CODE,
    SpanAttribute.OPERATION: Kind.CODE,
    SpanAttribute.OPERATION_TYPE: Kind.CODE,
    SpanAttribute.TOPIC: Kind.TOPIC,
    SpanAttribute.SUBSCRIPTION: Kind.SUBSCRIPTION,
    SpanAttribute.MESSAGE_ID: Kind.ID,
    SpanAttribute.MESSAGES: Kind.INTEGER,
    SpanAttribute.DELIVERY_ATTEMPT: Kind.INTEGER,
}
