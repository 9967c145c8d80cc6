"""Who looks at a document reads who read it."""

import pytest

from deploy.cli.show import speaker_told
from shared.events.results import Speaker
from shared.telemetry.reasons import InsteadReason


@pytest.mark.parametrize(
    ("speaker", "told"),
    [
        (Speaker(), ""),
        (Speaker(engine="vertex", model="gemini-2.5-flash"), "rules and gemini-2.5-flash"),
        (Speaker(instead=InsteadReason.QUOTA), "rules alone (quota)"),
    ],
)
def test_it_is_told_who_spoke_and_why_a_model_did_not(speaker: Speaker, told: str) -> None:
    """Where no model is asked there is nothing to tell."""
    assert speaker_told(speaker) == told
