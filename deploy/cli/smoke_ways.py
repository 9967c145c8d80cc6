"""The two ways in: the partner API, and the uploads bucket."""

import re
from typing import Final, Protocol

from deploy.cli.smoke_http import Api, RefusedError, json_of
from deploy.cli.smoke_invoice import SmokeInvoice
from shared.errors import UserError

BUCKET: Final = "gs://"

_ACCEPTED: Final = 202
_JOB: Final = re.compile(r"[0-9a-f]{40}\Z")
_WORD: Final = re.compile(r"[a-z_]{1,40}\Z")
_UNDER_WAY: Final = frozenset({"in_flight", "posted"})
_WANTED: Final = frozenset({"arrived", "accepted"})


class WayIn(Protocol):
    """Hands one document in."""

    def send(self, invoice: SmokeInvoice) -> None:
        """Hand it in; the same again is the same submission.

        Raises:
            RefusedError: it is not taken.
            TransientError: not now.
        """
        ...

    def failed(self) -> str | None:
        """Return how the document ended otherwise than posted; None while it has not.

        Raises:
            RefusedError, TransientError: it cannot be told.
        """
        ...


class PartnersWay:
    """Through ``POST /v1/documents``, which also tells how far a document is.

    Args:
        api: the partner API.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._job = ""

    def send(self, invoice: SmokeInvoice) -> None:
        """Hand it in, its number the key of the request."""
        headers = {
            "Idempotency-Key": invoice.number,
            "Content-Type": "application/pdf",
            "Content-Disposition": f'attachment; filename="{invoice.number}.pdf"',
        }
        told = json_of(self._api.post("/v1/documents", invoice.pdf(), headers, status=_ACCEPTED))
        job = told.get("job_id")
        if not isinstance(job, str) or not _JOB.match(job):
            raise RefusedError(f"{self._api.url} took it and named no job: is it the partner API?")
        self._job = job

    def failed(self) -> str | None:
        """Ask what became of the job."""
        body = self._api.get(f"/v1/jobs/{self._job}")
        told = json_of(body) if body is not None else {}
        document = told.get("document") or {}
        status = _word(told.get("status"))
        if status and status not in _WANTED:
            return _line(status, told.get("reason"))
        ended = _word(document.get("status")) if isinstance(document, dict) else ""
        if ended and ended not in _UNDER_WAY:
            return _line(ended, document.get("reason"))
        return None


class BucketWay:
    """Into the uploads bucket, as people drop files.

    Args:
        bucket: its name.

    Raises:
        UserError: the client of Cloud Storage is not installed.
    """

    def __init__(self, bucket: str) -> None:
        try:
            from shared.objects.gcs import GcsObjects  # noqa: PLC0415 - only where a bucket is named
        except ImportError as err:
            raise UserError(
                "a bucket needs its client: install docledger with the extra 'cloud', "
                "or name the partner API with --submit https://…"
            ) from err
        self._objects = GcsObjects(bucket)

    def send(self, invoice: SmokeInvoice) -> None:
        """Drop it, create-only."""
        from shared.objects.port import AlreadyExistsError  # noqa: PLC0415 - as above

        try:
            self._objects.create(f"{invoice.number}.pdf", invoice.pdf())
        except AlreadyExistsError:
            return  # an attempt before this one got through

    def failed(self) -> str | None:
        """Return None: a bucket does not tell."""
        return None


def way_in(submit: str, token: str | None) -> WayIn:
    """Return the way that a person named.

    Raises:
        UserError: it is none.
    """
    if submit.startswith(BUCKET):
        bucket = submit.removeprefix(BUCKET).rstrip("/")
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", bucket):
            raise UserError("a bucket is named gs://NAME, without anything behind it")
        return BucketWay(bucket)
    return PartnersWay(Api(submit, token))


def _line(status: str, reason: object) -> str:
    why = _word(reason)
    return f"{status}: {why}" if why else status


def _word(said: object) -> str:
    return said if isinstance(said, str) and _WORD.match(said) else ""
