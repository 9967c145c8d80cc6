"""The look into foreign bytes, by the sandbox."""

from services.ingest.inspection import TASK, Inspection, InspectionLimits, parameters_of
from shared.sandbox.port import TaskRunner


class SandboxInspector:
    """Looks at bytes in a sandboxed process.

    Args:
        runner: the sandbox.
        limits: what a document may be made of.
    """

    def __init__(self, runner: TaskRunner, limits: InspectionLimits) -> None:
        self._runner = runner
        self._parameters = parameters_of(limits)

    def inspect(self, content: bytes) -> Inspection:
        """Say what ``content`` is; see ``services.ingest.ports.Inspector``."""
        return Inspection.decoded(self._runner.run(TASK, content, self._parameters))
