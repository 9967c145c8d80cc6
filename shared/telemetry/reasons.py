"""Why a document was refused, quarantined or held: closed sets, each with its meaning.

The comment behind each member is what `docs/` shows; a reason never carries document content.
"""

from enum import StrEnum


class RefusedReason(StrEnum):
    """A submission from which no document was made."""

    EMPTY = "empty"  # the file has no bytes
    TOO_LARGE = "too_large"  # over the size limit; the bytes stay with the sender
    UNREADABLE_FILE = "unreadable_file"  # no permission, gone, or not a file
    ERASED = "erased"  # these bytes were erased on request and are not taken again


class QuarantineReason(StrEnum):
    """A document that a worker could not do its job on; its original is kept for a replay."""

    UNSUPPORTED_TYPE = "unsupported_type"  # the content is of no type that we read
    ENCRYPTED = "encrypted"  # needs a password
    UNREADABLE = "unreadable"  # damaged or truncated: who reads it makes no page of it
    MALFORMED_XML = "malformed_xml"  # not well-formed, or not an e-invoice that we know
    FORBIDDEN_XML = "forbidden_xml"  # declares entities or a document type
    TOO_MANY_PAGES = "too_many_pages"  # over the page limit
    TOO_MANY_PIXELS = "too_many_pixels"  # an image or page over the pixel limit
    TOO_DEEP = "too_deep"  # nested parts, forms or elements over the limit
    PAGES_MISSING = "pages_missing"  # fewer pages read than the document has
    RESOURCE_EXHAUSTED = "resource_exhausted"  # the parser hit its memory, CPU or time limit
    KILLS_WORKERS = "kills_workers"  # three starts without an outcome
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"  # an unknown error, every time it was tried
    DEAD_LETTER = "dead_letter"  # the bus gave up delivering it
    MALFORMED_EVENT = "malformed_event"  # not a CloudEvent of a type and version that we know
    KEY_MISSING = "key_missing"  # the document's key is gone though it was never erased
    CONFLICTING_INPUT = "conflicting_input"  # the books hold this revision from another input
    BUDGET_EXCEEDED = "budget_exceeded"  # the tenant's budget of paid work is used up


class HeldReason(StrEnum):
    """A document that was read but is not sure enough to post without a person."""

    TOTAL_MISSING = "total_missing"  # no total amount was found
    TOTAL_MISMATCH = "total_mismatch"  # net + tax differs from the total
    LINES_MISMATCH = "lines_mismatch"  # the lines do not add up to the net or total amount
    TOTAL_UNCONFIRMED = "total_unconfirmed"  # a total was found, but nothing else confirms it
    CURRENCY_UNKNOWN = "currency_unknown"  # no currency was found, or it is not in ISO 4217
    DATE_MISSING = "date_missing"  # no date was found
    SUPPLIER_MISSING = "supplier_missing"  # nobody to owe or to be owed by
    XML_DIFFERS = "xml_differs"  # the e-invoice's XML differs from the visible page
    LOW_CONFIDENCE = "low_confidence"  # a figure was read with too little confidence
    POSSIBLE_DUPLICATE = "possible_duplicate"  # same supplier, invoice id and total in another file
    FINER_PRECISION = "finer_precision"  # an amount finer than the currency's minor unit
    AMOUNT_OUT_OF_RANGE = "amount_out_of_range"  # zero, below zero, or more than books can count
    PERIOD_CLOSED = "period_closed"  # its date lies in a closed period
    NOT_IN_WORDS = "not_in_words"  # a value that is nowhere in the document's words
    SUMMARIZERS_DIFFER = "summarizers_differ"  # the rules and another reader disagree on it


class InsteadReason(StrEnum):
    """Why the embedded summarizer spoke where a model on Vertex AI was to be asked."""

    XML = "xml"  # an e-invoice's XML is exact: there is nothing to ask
    NO_WORDS = "no_words"  # nothing was read: there is nothing to ask about
    TOO_LONG = "too_long"  # over the bound on what one document may cost
    RESTING = "resting"  # it was unavailable several times in a row, and is left alone for a while
    UNAVAILABLE = "unavailable"  # no answer in time, or the service is down
    QUOTA = "quota"  # too many requests, and still so after the retries
    REFUSED = "refused"  # the service refuses us: identity, project, location or model
    BLOCKED = "blocked"  # the service would not answer on this document
    UNUSABLE = "unusable"  # an answer that is empty, cut off, or not as the schema says


Reason = RefusedReason | QuarantineReason | HeldReason
