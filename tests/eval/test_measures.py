"""The statistics of the evaluation are right themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.eval.comparison import same
from tests.eval.measures import Share, auroc


def test_wilson_bounds_are_those_of_the_paper() -> None:
    """81 of 263 is Newcombe's (1998) worked example: 0.2553 to 0.3662."""
    low, high = Share(81, 263).bounds()
    assert low == pytest.approx(0.2553, abs=5e-5)
    assert high == pytest.approx(0.3662, abs=5e-5)


@given(st.integers(0, 50), st.integers(0, 50))
def test_bounds_hold_the_share_and_stay_shares(right: int, wrong: int) -> None:
    """An interval that leaves 0 to 1, or its own middle, would be a lie."""
    share = Share(right, right + wrong)
    low, high = share.bounds()
    assert 0 <= low <= high <= 1
    if share.labelled:
        assert low - 1e-9 <= share.value <= high + 1e-9


def test_auroc_ranks() -> None:
    """1 where every right value is surer than every wrong one, half for a coin."""
    assert auroc([(0.9, True), (0.8, True), (0.3, False)]) == 1
    assert auroc([(0.3, True), (0.9, False)]) == 0
    assert auroc([(0.5, True), (0.5, False)]) == 0.5
    assert auroc([(0.5, True)]) is None


def test_nothing_labelled_is_no_share() -> None:
    """A field that no document labels must not look like a failure or a success."""
    assert Share(0, 0).bounds() == (0.0, 1.0)
    assert "%" not in str(Share(0, 0)).split("[")[0]


@pytest.mark.parametrize(
    ("name", "found", "truth", "right"),
    [
        ("supplier_name", "MR. D.I.Y. (M) SDN BHD", "mr diy m sdn. bhd.", True),
        ("supplier_name", "Muster GmbH", "Muster AG", False),
        ("total_amount", "119.00", "119", True),
        ("total_amount", "119.00", "-119.00", False),
        ("invoice_date", "2026-03-02", "2026-02-03", False),
        ("currency", "EUR", "EUR", True),
    ],
)
def test_values_are_compared_as_documented(
    name: str, found: str, truth: str, *, right: bool
) -> None:
    """The rules of comparison decide the figures, so they are fixed here."""
    assert same(name, found, truth) is right
