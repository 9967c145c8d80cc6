"""Verifying a whole published log with nothing but its public key, in constant memory.

Every entry bundle is hashed and compared with its level-0 tile, every tile level with the one
below, and the root with the signed checkpoint. At any time one tile a level is in memory. Who has
verified the log before reads only what is new, and one tile a level of what was there.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from shared.tlog.checkpoint import Checkpoint, LogKeys
from shared.tlog.consistency import check_consistent
from shared.tlog.edge import RightEdge
from shared.tlog.errors import RolledBackError, TlogError, VerificationError
from shared.tlog.reader import Distant, Listing, Reader, read_checkpoint, read_edge
from shared.tlog.tiles import CHECKPOINT_PATH
from shared.tlog.walk import Walk, paths_of, problem

Progress = Callable[[int], None]
"""Told how many leaves are verified so far, once a bundle."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A log that is what its checkpoint says.

    Attributes:
        origin: the log's name.
        size: leaves, each of them hashed, now or before the checkpoint that it was verified since.
        root: of the tree.
        read: how many leaves were read and hashed.
    """

    origin: str
    size: int
    root: bytes
    read: int


def verify_log(
    reader: Reader,
    key: LogKeys,
    *,
    since: Checkpoint | None = None,
    known: Iterable[Checkpoint] = (),
    on_progress: Progress | None = None,
) -> Verified:
    """Verify a published log from its first leaf (or an earlier checkpoint) to its checkpoint.

    Args:
        reader: where the log is. If it is a ``Listing``, the partial tiles of earlier sizes are
            compared too.
        key: the log's public key, or its key history.
        since: a checkpoint verified before: the log must have grown from it, and only what came
            after is read.
        known: further earlier checkpoints, smallest first and after ``since``, each of which the
            log must have grown from.
        on_progress: told how far it is.

    Raises:
        ContradictionError: the log did not grow from an earlier checkpoint.
        RolledBackError: the log is smaller than an earlier checkpoint.
        VerificationError: the log is not what its checkpoint says, or not all there; the error
            names the file and, where one can be named, the first leaf that differs.
        UnavailableError: the log can't be read now.
    """
    try:
        checkpoint = read_checkpoint(reader, key).checkpoint
    except TlogError as err:
        raise problem(CHECKPOINT_PATH, err) from err
    return verify_checkpoint(reader, checkpoint, since=since, known=known, on_progress=on_progress)


def verify_checkpoint(
    reader: Reader,
    checkpoint: Checkpoint,
    *,
    since: Checkpoint | None = None,
    known: Iterable[Checkpoint] = (),
    on_progress: Progress | None = None,
) -> Verified:
    """Verify a published log up to one of its checkpoints, whose signature was checked.

    Args and Raises are those of ``verify_log``.
    """
    edge = RightEdge() if since is None else _edge_at(reader, since, checkpoint)
    start = edge.size
    listing = reader if isinstance(reader, Listing) else None
    with _ahead(reader, start, checkpoint.size) as near:
        walk = Walk(near, listing, checkpoint.size, edge=edge, known=known)
        for size in walk.bundles():
            if on_progress is not None:
                on_progress(size)
        if walk.finish() != checkpoint.root:
            raise VerificationError(CHECKPOINT_PATH, "the entries have another root")
    return Verified(checkpoint.origin, checkpoint.size, checkpoint.root, checkpoint.size - start)


def _edge_at(reader: Reader, since: Checkpoint, checkpoint: Checkpoint) -> RightEdge:
    """Return the tree's edge at the size of ``since``, which has its root."""
    if since.origin != checkpoint.origin:
        raise VerificationError(CHECKPOINT_PATH, "is of another log than the one seen before")
    if since.size > checkpoint.size:
        raise RolledBackError(
            CHECKPOINT_PATH,
            f"of {checkpoint.size} does not come after the checkpoint of {since.size} seen before",
        )
    try:
        edge = read_edge(reader, since.size, within=checkpoint.size)
    except TlogError as err:
        place, _, _rest = str(err).partition(": ")
        raise problem(place, err) from err
    if edge.root() != since.root:
        check_consistent(reader, since, checkpoint)
        raise VerificationError(
            CHECKPOINT_PATH, f"the tiles at {since.size} have another root than was seen before"
        )
    return edge


def _ahead(reader: Reader, start: int, size: int) -> AbstractContextManager[Reader]:
    """Let a reader that is far away read ahead."""
    if isinstance(reader, Distant):
        return reader.ahead(paths_of(start, size))
    return nullcontext(reader)
