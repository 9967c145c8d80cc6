"""Many readers of an HTTP server in one thread, each on a connection of its own."""

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_CHANGES = re.compile(r"\d+")


@dataclass
class Asked:
    """What the answers took, in seconds, by kind of question (its numbers left out)."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refused: int = 0

    @property
    def count(self) -> int:
        """How many answers there were."""
        return sum(map(len, self.seconds.values()))

    def quantile(self, share: float) -> float:
        """Return what so large a share of the answers took at the most."""
        return _quantile([one for kind in self.seconds.values() for one in kind], share)

    def slowest(self) -> dict[str, float]:
        """Return each kind's 99th percentile in milliseconds, greatest first."""
        found = {kind: _quantile(all_, 0.99) * 1000 for kind, all_ in self.seconds.items()}
        return dict(sorted(found.items(), key=lambda one: -one[1]))


async def read_all(port: int, plans: Sequence[Sequence[str]]) -> Asked:
    """Let one reader a plan ask its questions, all readers at once."""
    asked = Asked()
    await asyncio.gather(*(_read(port, plan, asked) for plan in plans))
    return asked


async def _read(port: int, plan: Sequence[str], asked: Asked) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for path in plan:
        begun = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await reader.readexactly(int(length[1]) if length else 0)
        asked.seconds[_CHANGES.sub("N", path)].append(time.perf_counter() - begun)
        asked.refused += not head.startswith(b"HTTP/1.1 200")
    writer.close()


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]
