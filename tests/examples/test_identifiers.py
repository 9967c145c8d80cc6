"""Numbers that fail their check digits would make a careful reader doubt a good document."""

from collections.abc import Callable
from random import Random

import pytest
from stdnum import iban
from stdnum.at import uid as austrian
from stdnum.ch import uid as swiss
from stdnum.de import vat as german
from stdnum.fr import tva as french
from stdnum.gb import vat as british
from stdnum.ie import vat as irish
from stdnum.jp import cn as japanese
from stdnum.us import ein as american

from examples.conventions import COUNTRIES
from examples.identifiers import make_iban, make_phone, make_tax_id, spaced_iban

VALIDATORS: dict[str, Callable[[str], str]] = {
    "AT": austrian.validate,
    "CH": swiss.validate,
    "DE": german.validate,
    "FR": french.validate,
    "GB": british.validate,
    "IE": irish.validate,
    "JP": lambda number: japanese.validate(number.removeprefix("T")),
    "US": american.validate,
}


@pytest.mark.parametrize("country", sorted(VALIDATORS))
def test_tax_ids_pass_their_check_digits(country: str) -> None:
    """The oracle is python-stdnum, whose code we did not write."""
    for seed in range(300):
        VALIDATORS[country](make_tax_id(Random(seed), country))


@pytest.mark.parametrize("country", ["AT", "CH", "DE", "FR", "GB", "IE"])
def test_ibans_pass_their_check_digits(country: str) -> None:
    """Spaced or not, an IBAN must be one."""
    for seed in range(100):
        number = make_iban(Random(seed), country)
        assert iban.validate(spaced_iban(number), check_country=False) == number


@pytest.mark.parametrize("country", ["US", "MY", "JP"])
def test_countries_without_iban_get_none(country: str) -> None:
    """A US invoice with an IBAN would look wrong."""
    assert make_iban(Random(1), country) == ""


def test_every_country_has_tax_ids_and_phones() -> None:
    """A country added without them must not fail in the middle of a stream."""
    for country in COUNTRIES:
        assert make_tax_id(Random(1), country)
        assert make_phone(Random(1), country)
