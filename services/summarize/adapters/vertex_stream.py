"""Bounds on one HTTP answer: a client's timeouts are per read, and a drip of bytes has no end."""

import time
from collections.abc import Iterator
from typing import Final

import httpx2

MOST_BYTES: Final = 1_048_576


class _Bounded(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, request: httpx2.Request) -> None:
        self._stream = stream
        self._request = request
        self._ends = time.monotonic() + float(request.extensions["timeout"]["read"])

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._stream:
            size += len(chunk)
            if size > MOST_BYTES:
                raise httpx2.DecodingError("too long an answer", request=self._request)
            if time.monotonic() > self._ends:
                raise httpx2.ReadTimeout("too slow an answer", request=self._request)
            yield chunk

    def close(self) -> None:
        self._stream.close()


def bound_answer(response: httpx2.Response) -> None:
    """Let an answer be read for no longer, and no further, than one may take."""
    if isinstance(response.stream, httpx2.SyncByteStream):
        response.stream = _Bounded(response.stream, response.request)
