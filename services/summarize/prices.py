"""What a model's tokens cost, from a table that an operator can replace."""

from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.errors import UserError

TABLE: Final = Path(__file__).with_name("prices.yaml")

_Money = Annotated[Decimal, Field(ge=0, le=10_000)]


class Price(BaseModel):
    """What one model costs.

    Attributes:
        input: a million tokens of what is asked.
        output: a million tokens of what is answered, thinking included.
        thinking: tokens that it may think with; None where it takes no such bound.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: _Money
    output: _Money
    thinking: Annotated[int, Field(ge=0)] | None = None

    def micros(self, asked: int, answered: int) -> int:
        """Return what one call cost in millionths of the currency, rounded up.

        Args:
            asked: tokens of input.
            answered: tokens of output.
        """
        exact = self.input * asked + self.output * answered
        return int(exact.to_integral_value(rounding=ROUND_CEILING))


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    models: dict[str, Price]


def price_of(model: str, table: Path | None = None) -> Price:
    """Return what ``model`` costs.

    Raises:
        UserError: the table cannot be read, or does not know the model.
    """
    path = table or TABLE
    try:
        prices = _Table.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(
            f"DOCLEDGER_VERTEX_PRICES: {path} cannot be read ({error.strerror})"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError, ValidationError):
        raise UserError(
            f"DOCLEDGER_VERTEX_PRICES: {path} is no price table: write it as {TABLE.name} is"
        ) from None
    if model not in prices.models:
        known = ", ".join(sorted(prices.models))
        raise UserError(
            f"DOCLEDGER_VERTEX_MODEL names a model without a price: add it to {path.name}, "
            f"or name one of {known}"
        )
    return prices.models[model]
