"""Pages that Document AI reads, paid once or paid again."""

from shared.telemetry.metrics import Metric, Metrics, Paid, Unit
from shared.telemetry.stages import Stage
from shared.worker.attempts import is_repeated


class Meter:
    """Counts pages.

    Args:
        metrics: where figures go.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def read(self, pages: int, *, again: bool = False) -> None:
        """Count pages that were paid for.

        Args:
            pages: how many.
            again: whether they may have been paid for before, for a reason that the caller knows.
        """
        paid = Paid.REPEATED if again or is_repeated() else Paid.FIRST
        self._metrics.count(Metric.UNITS, pages, stage=Stage.OCR, unit=Unit.PAGE, paid=paid)
