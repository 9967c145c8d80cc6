"""What a test can let go wrong at the local Document AI, besides plain refusals."""

from dataclasses import dataclass
from enum import Enum, auto

import grpc


class Fault(Enum):
    """What goes wrong with one answer."""

    HANG = auto()  # no answer for as long as the caller waits
    TRUNCATE = auto()  # the last page, or a shard in the middle, is not there
    HALF = auto()  # a shard that ends in the middle of its JSON
    ELSEWHERE = auto()  # the shards are said to lie in somebody else's bucket
    LOST = auto()  # it was done, and the answer did not arrive


@dataclass(frozen=True)
class Ends:
    """A fault of a batch: it begins well, and its operation ends with an error."""

    status: grpc.StatusCode


@dataclass(frozen=True)
class Leaves:
    """A fault of a batch: it ends well, and this is its last shard."""

    file: bytes
