"""What can be wrong with a log, in words an auditor understands."""


class TlogError(Exception):
    """Anything this package refuses; the message is one line and shows no entry's content."""


class MalformedError(TlogError):
    """A text or file is not of the format it claims to be."""


class SignatureError(TlogError):
    """No known key signed it, or a known key's signature is wrong."""


class ProofError(TlogError):
    """A proof does not prove what it should."""


class NotFoundError(TlogError):
    """The log has no file of that name."""


class UnavailableError(TlogError):
    """The log can't be read now, which says nothing about what is in it."""


class VerificationError(TlogError):
    """A published log is not what its checkpoint says.

    Args:
        place: the file that is wrong, relative to the log's prefix.
        problem: what is wrong with it.
        index: the first leaf that differs (or that can't be told to be right), if one can be named.
    """

    def __init__(self, place: str, problem: str, *, index: int | None = None) -> None:
        at = "" if index is None else f" (leaf {index})"
        super().__init__(f"{place}: {problem}{at}")
        self.place = place
        self.problem = problem
        self.index = index


class RolledBackError(VerificationError):
    """A smaller log is shown than somebody was shown before."""


class ContradictionError(VerificationError):
    """The log's key signed two checkpoints that no one append-only log can have."""
