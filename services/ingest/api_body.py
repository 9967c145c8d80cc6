"""Bodies of requests, counted while they arrive: the limit is met before the memory is."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from fastapi import Request

from shared.api.callers import only_header
from shared.api.problems import ProblemError
from shared.telemetry.apis import ApiProblem

_STEP: Final = 1 << 18
_MOST_DIGITS: Final = 15


class Bodies:
    """Reads bodies, one budget of bytes for all that are held at once.

    Args:
        held_bytes: the budget.
        body_s: seconds in which one must have arrived.
    """

    def __init__(self, *, held_bytes: int, body_s: float) -> None:
        self._free = held_bytes  # touched by the event loop's thread only
        self._body_s = body_s

    @asynccontextmanager
    async def read(self, request: Request, *, most_bytes: int) -> AsyncIterator[bytes]:
        """Give the body; its bytes count as held until the end of the context.

        A length that is declared is reserved at once, so that nobody sends for nothing; without
        one, room is taken as the bytes come.

        Raises:
            ProblemError: too large, too slow, encoded, empty, or no room for it now.
            ClientDisconnect: the caller left before its end.
        """
        declared = _declared(request)
        if declared > most_bytes:
            raise ProblemError(ApiProblem.TOO_LARGE)
        with self._reserved(declared) as reservation:
            try:
                async with asyncio.timeout(self._body_s):
                    content = await _received(request, reservation, most_bytes)
            except TimeoutError:
                raise ProblemError(ApiProblem.TOO_SLOW) from None
            if not content:
                raise ProblemError(ApiProblem.EMPTY)
            yield content

    @contextmanager
    def _reserved(self, size: int) -> Iterator["_Reservation"]:
        reservation = _Reservation(self)
        try:
            reservation.grow_to(size)
            yield reservation
        finally:
            self._free += reservation.size

    def take(self, size: int) -> None:
        """Take bytes out of the budget.

        Raises:
            ProblemError: there are not so many left.
        """
        if size > self._free:
            raise ProblemError(ApiProblem.BUSY)
        self._free -= size


class _Reservation:
    """What one request has of the budget."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self.size = 0

    def grow_to(self, size: int) -> None:
        if size > self.size:
            self._bodies.take(size - self.size)
            self.size = size


async def _received(request: Request, reservation: _Reservation, most_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most_bytes:
            raise ProblemError(ApiProblem.TOO_LARGE)
        if size > reservation.size:
            reservation.grow_to(min(size + _STEP, most_bytes))
        parts.append(part)
    return b"".join(parts)


def _declared(request: Request) -> int:
    """Return the Content-Length, 0 without one."""
    encoding = only_header(request, "content-encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise ProblemError(ApiProblem.ENCODED)
    length = only_header(request, "content-length")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit()):
        raise ProblemError(ApiProblem.MALFORMED_REQUEST)
    if len(length) > _MOST_DIGITS:
        raise ProblemError(ApiProblem.TOO_LARGE)
    return int(length)
