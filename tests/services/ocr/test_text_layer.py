"""Characters to words, and whether a text layer is worth trusting."""

import pytest

from services.ocr.text_layer import (
    Character,
    Drawn,
    agrees,
    is_written_over,
    judge,
    marks,
    page_turn,
    turned,
)
from shared.events.results import Word

BORN = Drawn(anything=True)
SCAN = Drawn(anything=True, image_share=0.95)


def typed(text: str, *, hidden: bool = False, y: float = 0.0, gap: float = 0.0) -> list[Character]:
    """Return characters 6 points wide, 10 high."""
    return [
        Character(
            letter,
            (i * (6 + gap), y, i * (6 + gap) + 6, y + 10),
            hidden=hidden,
            ends_word=letter == " ",
        )
        for i, letter in enumerate(text)
    ]


PROSE = "The supplier delivers the goods within thirty days of the order, free of charge. " * 3


def test_a_space_ends_a_word() -> None:
    """The layer's own spaces are the best evidence of words."""
    assert [mark.text for mark in marks(typed("net amount"))] == ["net", "amount"]


def test_a_wide_gap_ends_a_word() -> None:
    """Columns without a space between them must not run together."""
    assert [mark.text for mark in marks(typed("12", gap=8))] == ["1", "2"]


def test_a_new_line_ends_a_word() -> None:
    """Text after a line break begins further down, not further right."""
    assert [m.text for m in marks([*typed("ab"), *typed("cd", y=14)])] == ["ab", "cd"]


def test_a_change_of_direction_ends_a_word() -> None:
    """A stamp set sideways is not part of the word it touches."""
    turned_one = Character("b", (6, 0, 12, 10), turn=90)
    assert [m.text for m in marks([*typed("a"), turned_one])] == ["a", "b"]


def test_turned_characters_join_in_their_own_direction() -> None:
    """Text that climbs the margin is words, too, not letters."""
    climbing = [Character(t, (0, 90 - i * 6, 10, 96 - i * 6), turn=90) for i, t in enumerate("net")]
    assert [m.text for m in marks(climbing)] == ["net"]


def test_ligatures_are_read_as_letters() -> None:
    """No label would match otherwise."""
    assert marks(typed("\ufb01nal"))[0].text == "final"


def test_four_quarter_turns_bring_a_box_back() -> None:
    """Turning is exact, so that evidence points at the right place."""
    box = (10.0, 20.0, 60.0, 30.0)
    once = turned(box, 90, 200, 100)
    assert turned(once, 270, 100, 200) == box
    assert turned(turned(box, 180, 200, 100), 180, 200, 100) == box
    assert page_turn([Character("a", box, turn=90)]) == 90
    assert page_turn([]) == 0


@pytest.mark.parametrize(
    ("text", "drawn", "hidden", "verdict"),
    [
        (PROSE, BORN, False, "trust"),
        ("", Drawn(anything=False), False, "blank"),
        ("", BORN, False, "read"),  # outlines instead of text
        (PROSE, SCAN, True, "compare"),  # a scan with an invisible layer
        (PROSE, SCAN, False, "trust"),  # visible text on a background picture
        (
            PROSE,
            Drawn(anything=True, image_share=0.9, text_below_image=True),
            False,
            "compare",
        ),
        ("Page 1", SCAN, False, "read"),  # almost nothing on a scan
        (PROSE, BORN, True, "read"),  # text that nobody sees, and no scan over it
        ("\ufffd" * 50 + PROSE, BORN, False, "read"),
        ("\ue000\ue001\x01" * 20, BORN, False, "read"),
        ("Wkh vxssolhu ghoyhuv wkh jrrgv zlwklq wkluwb gdbv " * 4, BORN, False, "read"),
        ("!\"#$%&'()*+,-./:;<=>?@" * 5, BORN, False, "read"),
        ("1234567890 12.50 " * 12, BORN, False, "trust"),  # figures have no vowels
        ("商品価格" * 40, BORN, False, "trust"),
        ("." * 200 + PROSE, BORN, False, "trust"),  # leaders are punctuation, not garbage
    ],
)
def test_the_verdict_on_a_layer(text: str, drawn: Drawn, *, hidden: bool, verdict: str) -> None:
    """Each kind of page gets the cheapest reader that tells the truth about it."""
    assert judge(typed(text, hidden=hidden), drawn) == verdict


def test_unmapped_characters_condemn_a_layer() -> None:
    """A font without ToUnicode prints well and reads as nonsense."""
    assert judge(typed(PROSE), Drawn(anything=True, unmapped=200)) == "read"


def said(*texts: str, confidence: float = 0.99) -> list[Word]:
    """Return words on one line."""
    return [Word(text, (0, 0, 1, 1), confidence, 0) for text in texts]


def test_a_layer_that_says_what_the_scan_shows_agrees() -> None:
    """Then the layer's exact text is better than ours."""
    seen = said("Invoice", "number", "20417", "Tota1")
    assert agrees(said("Invoice", "number", "20417", "Total"), seen)


def test_one_other_amount_is_enough_to_distrust_a_hidden_layer() -> None:
    """The attack: an invisible layer that bills more than the page shows."""
    shown = said("Invoice", "number", "20417", "Total", "amount", "130.40")
    layer = said("Invoice", "number", "20417", "Total", "amount", "930.40")
    assert not agrees(layer, shown)


@pytest.mark.parametrize(
    ("written", "agreed"),
    [
        (["141606"], False),
        (["1416.06"], True),
        (["1416,06"], True),
        (["1", "416.06"], True),
        (["1416", ".06"], True),
    ],
)
def test_a_hidden_layer_without_the_point_is_not_believed(
    written: list[str], *, agreed: bool
) -> None:
    """The attack: the page shows 1416.06, and the layer beneath bills a hundred times that."""
    shown = said("Invoice", "number", "20417", "Total", "amount", "1416.06")
    assert agrees(said("Invoice", "number", "20417", "Total", "amount", *written), shown) is agreed


def test_a_layer_of_other_words_disagrees() -> None:
    """A layer of another document must not stand for this one."""
    assert not agrees(said("dear", "friend"), said("Invoice", "number"))
    assert not agrees(said("dear", "friend"), said("a"))


def test_a_number_read_badly_does_not_condemn_a_layer() -> None:
    """Our own doubt is no evidence against it."""
    seen = [*said("Invoice", "number", "total"), *said("20411", confidence=0.6)]
    assert agrees(said("Invoice", "number", "total", "20417"), seen)


@pytest.mark.parametrize(
    ("text", "left", "over"),
    [("960.00", 0.1, True), ("120.00", 0.1, False), (".", 0.12, True), ("960.00", 0.2, False)],
)
def test_words_that_stand_in_one_place_are_noticed(text: str, left: float, *, over: bool) -> None:
    """The attack: a word under paint borrows the ink of what is written over it."""
    wide = 0.08 if len(text) > 1 else 0.01
    words = [
        Word("120.00", (0.1, 0.5, 0.18, 0.52), 1.0, 0),
        Word(text, (left, 0.501, left + wide, 0.519), 1.0, 0),
    ]
    assert is_written_over(words) is over


def test_an_amount_that_was_read_nowhere_near_condemns_a_layer() -> None:
    """The attack: the page's own number somewhere, and another one where it stands."""
    read = [*said("Invoice", "number", "total"), Word("120.00", (0.5, 0.5, 0.6, 0.52), 1.0, 1)]
    honest = [*said("Invoice", "number", "total"), Word("120.00", (0.5, 0.5, 0.6, 0.52), 1.0, 1)]
    moved = [*honest[:3], Word("120.00", (0.1, 0.9, 0.2, 0.92), 1.0, 1)]
    assert agrees(honest, read)
    assert not agrees(moved, read[3:] * 2)
    assert not agrees([*honest, Word("960.00", (0.5, 0.1, 0.6, 0.12), 1.0, 1)], read[3:])
