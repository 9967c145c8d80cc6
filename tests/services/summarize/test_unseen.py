"""Characters without a shape, and gaps, between the digits of an amount."""

import random
import re
from collections.abc import Callable

import pytest

from examples.hostile.outcomes import sound_invoice
from examples.invoice import fields_of
from examples.plain import write_text
from services.ledger.chart import load_chart
from services.ledger.postings import draw_up
from services.ocr.adapters.task import read_range
from services.summarize.rules import RulesSummarizer
from services.summarize.unseen import shown
from shared.events.payloads import EntryKind, MediaType
from shared.events.results import Reading, Summary, Word

SERIAL = 5014
"""6511.80 = 5426.50 + 1085.30, and 6 = 5 + 1: cut after their first digits, they add up, too."""

UNSEEN = (
    "\u00ad\u034f\u115f\u180e\u200b\u200c\u200d\u200e\u2060\u2063\u2800\u3164\ufe00\ufeff\U000e0031"
)


def _written(serial: int, change: Callable[[str], str]) -> Summary:
    """Return what is found in an invoice whose amounts are changed."""
    text = write_text(sound_invoice(serial)).decode()
    changed = re.sub(r"[\d,]+\.\d{2}", lambda found: change(found[0]), text)
    read = read_range(changed.encode(), MediaType.TEXT, 1, 1)
    return RulesSummarizer().summarize(Reading(pages=read.pages, einvoice=None))


def _amounts(summary: Summary) -> dict[str, str]:
    return {name: its.value for name, its in summary.fields.items() if name.endswith("amount")}


def _posted(summary: Summary) -> bool:
    return draw_up(summary, load_chart()).kind is EntryKind.POST


@pytest.mark.parametrize("mark", UNSEEN, ids=lambda mark: f"U+{ord(mark):04X}")
def test_what_nobody_sees_between_digits_changes_no_amount(mark: str) -> None:
    """A thousandth of the total was posted: first digits were numbers, and they added up."""
    summary = _written(SERIAL, mark.join)
    assert _posted(summary)
    truth = fields_of(sound_invoice(SERIAL))
    assert _amounts(summary).items() <= dict(truth).items()


@pytest.mark.parametrize("mark", "\u061c\u200f\u202e\u2067", ids=lambda mark: f"U+{ord(mark):04X}")
def test_what_turns_digits_round_is_held(mark: str) -> None:
    """After such a mark the figures stand in another order than they come in."""
    assert not _posted(_written(SERIAL, mark.join))


def test_amounts_with_gaps_are_never_posted_in_pieces() -> None:
    """Anywhere in a number: what is posted is the whole of it, or nothing."""
    chance = random.Random(7)
    posted = 0
    for serial in range(6000, 6040):
        share, gap = chance.choice((0.1, 0.5, 1)), chance.choice(" \u2009\u200a\u3000")

        def spread(amount: str, share: float = share, gap: str = gap) -> str:
            gaps = (gap if chance.random() < share else "" for _ in amount[1:])
            return amount[0] + "".join(map("".join, zip(gaps, amount[1:], strict=True)))

        summary = _written(serial, spread)
        if _posted(summary):
            posted += 1
            truth = fields_of(sound_invoice(serial))
            assert _amounts(summary).items() <= dict(truth).items(), serial
    assert posted, "or the test would prove nothing"


def test_words_of_which_nothing_is_seen_are_none() -> None:
    """They have a place and would widen their line."""
    box = (0.1, 0.1, 0.2, 0.2)
    words = [Word("\u200b", box, 1.0, 0), Word("9\u200b.00", box, 0.8, 0), Word(" ", box, 1.0, 1)]
    assert shown(words) == [Word("9.00", box, 0.8, 0)]
    assert shown([Word("plain", box, 1.0, 0), Word(" ", box, 1.0, 0)]) == [
        Word("plain", box, 1.0, 0)
    ]


def test_a_mark_that_turns_makes_its_whole_line_doubtful() -> None:
    """It need not stand in the word that it moves."""
    box = (0.1, 0.1, 0.2, 0.2)
    words = [Word("12", box, 1.0, 0), Word("\u200f", box, 1.0, 0), Word("34", box, 1.0, 1)]
    assert [(word.text, word.confidence) for word in shown(words)] == [("12", 0.0), ("34", 1.0)]
