"""What a worker needs of a sandbox: run a named function on foreign bytes, within limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Union

JSON = Union[None, bool, int, float, str, Sequence["JSON"], Mapping[str, "JSON"]]  # noqa: UP007 - a recursive alias needs the quoted form on Python 3.11


class SandboxError(Exception):
    """A task failed in a way that is neither the document's nor an outage's: an unknown error.

    Its message names the task and the type of the error, never content.
    """


@dataclass(frozen=True, slots=True)
class Limits:
    """What one child may use.

    Attributes:
        memory_mb: address space of the child, Python and its libraries included (MiB).
        cpu_s: processor seconds of one task, all threads together.
        wall_s: seconds from handing a task over to its answer.
        output_mb: size of an answer (MiB).
        open_files: file descriptors.
        tasks: how many tasks a child does before a fresh one takes its place, which bounds what
            one document's bytes can leave behind for the next.
    """

    memory_mb: int = 1024
    cpu_s: int = 20
    wall_s: float = 60.0
    output_mb: int = 64
    open_files: int = 64
    tasks: int = 500


class TaskRunner(Protocol):
    """Runs ``package.module:function``, a function ``(content: bytes, parameters: dict) -> bytes``.

    The function is our code; the content is foreign.
    """

    def run(self, task: str, content: bytes, parameters: Mapping[str, JSON]) -> bytes:
        """Return what the function returned.

        Raises:
            PermanentError: the reason the function raised, or ``resource_exhausted`` when it hit
                a limit or died.
            SandboxError: the function raised anything else, or does not exist.
            TransientError: no child could be started, or the sandbox was closed meanwhile.
        """
        ...
