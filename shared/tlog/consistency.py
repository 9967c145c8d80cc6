"""Are two signed checkpoints of one log's history? Told from the log's own tiles.

Three answers are kept apart, because people act on them differently: they are; they can't be (the
log's key signed two histories, and the two checkpoints alone convict it); or the log does not
have the tiles that would tell.
"""

from shared.tlog.checkpoint import Checkpoint
from shared.tlog.errors import (
    ContradictionError,
    MalformedError,
    NotFoundError,
    RolledBackError,
    VerificationError,
)
from shared.tlog.merkle import EMPTY_ROOT, roots_at
from shared.tlog.reader import Reader, TreeHashes
from shared.tlog.tiles import CHECKPOINT_PATH


def check_consistent(reader: Reader, older: Checkpoint, newer: Checkpoint) -> None:
    """Check that the log of ``newer`` begins with the log of ``older``.

    Reads O(log n) tiles, of the tree of ``newer``.

    Args:
        reader: where the log is.
        older: signed, of a size not greater than ``newer``'s.
        newer: signed.

    Raises:
        ContradictionError: it does not.
        VerificationError: they are of two logs, or the log's tiles are not those of ``newer``.
        UnavailableError: the log can't be read now.
    """
    if older.origin != newer.origin:
        raise VerificationError(CHECKPOINT_PATH, "is of another log than the one seen before")
    if older.size > newer.size:
        raise ValueError("the older checkpoint is the smaller one")
    if older.size == newer.size:
        possible = older.root == newer.root
    elif older.size == 0:
        possible = older.root == EMPTY_ROOT
    else:
        hashes = TreeHashes(reader, newer.size)
        try:
            old_root, new_root = roots_at(older.size, newer.size, hashes.range_hash)
        except (MalformedError, NotFoundError) as err:
            place, _, problem = str(err).partition(": ")
            raise VerificationError(place, problem) from err
        if new_root != newer.root:
            raise VerificationError(CHECKPOINT_PATH, "the tiles have another root")
        possible = old_root == older.root
    if not possible:
        raise ContradictionError(
            CHECKPOINT_PATH,
            f"of {newer.size} is inconsistent with the checkpoint of {older.size} seen before: "
            "the log was forked or rewritten",
        )


def check_shown(reader: Reader, shown: Checkpoint, seen: Checkpoint) -> None:
    """Check that the checkpoint that is shown now is ``seen`` or has grown from it.

    A smaller one is either an old copy (a cache) or a log that was rolled back. Both raise
    ``RolledBackError``, unless the two can't be of one history.

    Raises:
        ContradictionError: they are of two histories.
        RolledBackError: less is shown than was seen.
        VerificationError: they are of two logs, or the log's tiles are not those of the larger.
        UnavailableError: the log can't be read now.
    """
    if shown.size >= seen.size or shown.origin != seen.origin:
        check_consistent(reader, *sorted((seen, shown), key=lambda one: one.size))
        return
    rolled_back = RolledBackError(
        CHECKPOINT_PATH, f"of {shown.size} does not come after the checkpoint of {seen.size} seen"
    )
    try:
        check_consistent(reader, shown, seen)
    except ContradictionError:
        raise
    except VerificationError as err:  # what was seen is not there any more
        raise rolled_back from err
    raise rolled_back
