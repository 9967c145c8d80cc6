"""What a model on Vertex AI costs: calls, tokens and money, paid once or paid again."""

from services.summarize.prices import Price
from shared.telemetry.metrics import Metric, Metrics, Paid, Unit
from shared.telemetry.stages import Stage
from shared.worker.attempts import is_repeated


class Meter:
    """Counts what is spent.

    Args:
        metrics: where figures go.
        price: of the model that is asked.
    """

    def __init__(self, metrics: Metrics, price: Price) -> None:
        self._metrics = metrics
        self._price = price

    def called(self, *, asked: int, answered: int, before: int) -> None:
        """Count one call that was, or may have been, paid.

        Args:
            asked: tokens of input; 0 where the service did not tell.
            answered: tokens of output, thinking included; likewise.
            before: how many calls were paid for this document before, in this attempt.
        """
        repeated = before > 0 or is_repeated()
        paid = Paid.REPEATED if repeated else Paid.FIRST
        self._spend(Unit.CALL, 1, paid)
        self._spend(Unit.TOKEN, asked + answered, paid)
        self._spend(Unit.MICRO, self._price.micros(asked, answered), paid)

    def _spend(self, unit: Unit, amount: int, paid: Paid) -> None:
        if amount:
            self._metrics.count(Metric.UNITS, amount, stage=Stage.SUMMARIZE, unit=unit, paid=paid)
