"""The page of words is the code's own, complete and current."""

from enum import StrEnum

import pytest

from shared.telemetry.log_events import LogEvent
from shared.telemetry.meanings import meanings
from shared.telemetry.metrics import Metric, Unit
from shared.telemetry.outcomes import DeliveryOutcome
from shared.telemetry.reasons import HeldReason, QuarantineReason, RefusedReason
from shared.telemetry.spans import SpanName
from shared.telemetry.stages import Stage
from shared.telemetry.vocabulary import PAGE, page


def test_the_page_is_current() -> None:
    """A reason that on-call cannot look up is a reason for a call."""
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m shared.telemetry.vocabulary"


@pytest.mark.parametrize(
    "closed_set",
    [
        *(HeldReason, QuarantineReason, RefusedReason, DeliveryOutcome),
        *(LogEvent, Metric, SpanName, Stage),
    ],
)
def test_every_word_has_a_meaning(closed_set: type[StrEnum]) -> None:
    """Each member is explained where it is defined."""
    assert set(meanings(closed_set)) == {member.value for member in closed_set}
    assert all(f"`{member}`" in page() for member in closed_set)


def test_a_member_without_a_comment_is_refused() -> None:
    """The comment is the documentation; forgetting it fails the build."""

    class Hurried(StrEnum):
        SAID = "said"  # with a meaning
        UNSAID = "unsaid"

    with pytest.raises(ValueError, match="Hurried has no comment"):
        meanings(Hurried)


def test_remarks_to_the_linter_are_no_meaning() -> None:
    """Readers of the page do not lint."""
    assert meanings(Unit)["token"] == "one token of a language model"
