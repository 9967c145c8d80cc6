"""Why an HTTP request was not served: the codes in answers of workers."""

from enum import StrEnum


class Refusal(StrEnum):
    """What a worker answers instead of doing what a request asks for."""

    NOT_FOUND = "not_found"  # 404: no such path, subscription or job
    METHOD_NOT_ALLOWED = "method_not_allowed"  # 405: the path takes another method
    REQUEST_TOO_LARGE = "request_too_large"  # 413: the body is over the limit, and was not read
    UNAUTHENTICATED = "unauthenticated"  # 401: no token, or one that proves nothing
    FORBIDDEN = "forbidden"  # 403: somebody else's token
    AUTHENTICATION_UNDECIDED = "authentication_undecided"  # 503: the keys to check it with are away
    MALFORMED_PUSH = "malformed_push"  # 400: the body is no push of this subscription
    BUSY = "busy"  # 429: as many deliveries are in hand as this worker takes
    DRAINING = "draining"  # 503: the worker is about to stop
    NOT_READY = "not_ready"  # 503: something that the worker needs is away
    JOB_FAILED = "job_failed"  # 503: the job could not be done now
    INTERNAL = "internal"  # 500: a mistake of ours
