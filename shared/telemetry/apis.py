"""What the HTTP APIs do, and why they answer with an error: closed sets."""

from enum import StrEnum


class ApiOperation(StrEnum):
    """What a caller of an API asked for."""

    SUBMIT_DOCUMENT = "submit_document"  # bytes in a request's body become a submission
    SUBMIT_EVENT = "submit_event"  # a partner's CloudEvent becomes a submission
    READ_JOB = "read_job"  # what became of a submission
    LIST_ENTRIES = "list_entries"  # a page of sealed entries
    READ_ENTRY = "read_entry"  # one sealed entry
    PROVE_ENTRY = "prove_entry"  # the proof of one sealed entry
    LIST_CHECKPOINTS = "list_checkpoints"  # a page of the log's history
    READ_CHECKPOINT = "read_checkpoint"  # one checkpoint of it
    PROVE_CONSISTENCY = "prove_consistency"  # one checkpoint's log begins with another's
    READ_LOG = "read_log"  # a file of the published log
    READ_KEYS = "read_keys"  # the history of the log's keys
    READ_PAGE = "read_page"  # a file of the page that proves in the browser
    NO_OPERATION = "no_operation"  # no path of the API, or not with that method


class ApiProblem(StrEnum):
    """Why an API did not do what a caller asked for; ``code`` in the answer's body."""

    MALFORMED_REQUEST = "malformed_request"  # a parameter or header is not what the API takes
    MALFORMED_FILE_NAME = "malformed_file_name"  # Content-Disposition cannot be read
    MALFORMED_KEY = "malformed_key"  # Idempotency-Key is not 1 to 255 visible ASCII characters
    MALFORMED_EVENT = "malformed_event"  # the request is no CloudEvent 1.0 with a document in it
    UNKNOWN_EVENT_TYPE = "unknown_event_type"  # a CloudEvent of a type that the API does not take
    EMPTY = "empty"  # the body has no bytes
    UNAUTHENTICATED = "unauthenticated"  # no token, or one that proves nothing
    FORBIDDEN = "forbidden"  # a good token of an account that has no tenant here
    NOT_FOUND = "not_found"  # nothing of that name, or nothing that this caller may see
    KEY_CLOSED = "key_closed"  # only keys that were closed at a smaller size signed that checkpoint
    METHOD_NOT_ALLOWED = "method_not_allowed"  # the path takes another method
    TOO_SLOW = "too_slow"  # the body did not arrive in time
    TOO_LARGE = "too_large"  # the body is over the limit; nothing of it is kept
    ENCODED = "encoded"  # the body has a Content-Encoding
    KEY_REUSED = "key_reused"  # the same key (or event id and source) came with other bytes before
    TOO_MANY_REQUESTS = "too_many_requests"  # this caller has as many under way as one may have
    INTERNAL = "internal"  # a mistake of ours
    LOG_DAMAGED = "log_damaged"  # the published log is not what its checkpoint says
    LOG_UNSIGNED = "log_unsigned"  # only keys that were closed signed the published checkpoint
    BUSY = "busy"  # the API holds as much as it can
    UNAVAILABLE = "unavailable"  # a store or the bus is away
    AUTHENTICATION_UNDECIDED = "authentication_undecided"  # the keys to check a token are away


class ApiOutcome(StrEnum):
    """How a request ended that met no problem."""

    SERVED = "served"  # it was answered as asked
    GONE = "gone"  # the caller left before it was answered
