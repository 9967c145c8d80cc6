"""From the characters of a PDF's text layer to words, and whether to believe them: pure rules."""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from services.ocr.layout import Mark
from shared.events.results import Box, Page, Word

Turn = Literal[0, 90, 180, 270]

WORD_GAP: Final = 0.3
"""A gap of this share of the character's height ends a word."""

LIGATURES: Final = range(0xFB00, 0xFB07)
"""ff to st: read as their letters, or no label would ever match."""


class Character(NamedTuple):
    """One character of the layer; a tuple, because a page has thousands.

    Attributes:
        text: one code point; the empty string where the font says nothing.
        box: x0, y0, x1, y1 in points on the page as shown, y downwards.
        turn: degrees clockwise that it must be turned to stand upright.
        hidden: drawn so that nobody sees it (text render mode 3, no opacity, too small).
        ends_word: a space, a line end, or made up by the parser.
        light: how light its colour is, of 255, where it is lighter than half; else None.
    """

    text: str
    box: Box
    turn: Turn = 0
    hidden: bool = False
    ends_word: bool = False
    light: int | None = None


def turned(box: Box, turn: Turn, width: float, height: float) -> Box:
    """Return ``box`` of a page ``width`` x ``height`` after turning the page clockwise."""
    x0, y0, x1, y1 = box
    if turn == 90:  # noqa: PLR2004 - quarter turns are what Turn is made of
        return height - y1, x0, height - y0, x1
    if turn == 180:  # noqa: PLR2004 - likewise
        return width - x1, height - y1, width - x0, height - y0
    if turn == 270:  # noqa: PLR2004 - likewise
        return y0, width - x1, y1, width - x0
    return box


def page_turn(characters: Iterable[Character]) -> Turn:
    """Return the turn that sets most of the characters upright."""
    counts: Counter[Turn] = Counter(c.turn for c in characters if not c.ends_word)
    return counts.most_common(1)[0][0] if counts else 0


Shows = Callable[[Box, int | None], bool]
"""Whether a person sees a word: its box, and how light it is where it is light."""


def marks(characters: Iterable[Character], shows: Shows | None = None) -> list[Mark]:
    """Join characters, in the order of the layer, into words.

    A word ends at a space, a wide gap, a step back, a change of line, direction or lightness.

    Args:
        characters: of one page.
        shows: leaves out the words that nobody sees; none when None.
    """
    found: list[Mark] = []
    word: list[Character] = []

    def end() -> None:
        if word:
            mark = _mark(word)
            if shows is None or shows(mark.box, word[0].light):
                found.append(mark)
            word.clear()

    for character in characters:
        if character.ends_word or not character.text:
            end()
            continue
        if word and not _follows(word[-1], character):
            end()
        word.append(character)
    end()
    return found


def _mark(word: Sequence[Character]) -> Mark:
    left, top, right, bottom = zip(*(character.box for character in word), strict=True)
    text = "".join([character.text for character in word])
    if not text.isascii():
        text = "".join(map(_readable, text))
    return Mark(text, (min(left), min(top), max(right), max(bottom)))


def _readable(letter: str) -> str:
    return unicodedata.normalize("NFKC", letter) if ord(letter) in LIGATURES else letter


def _follows(last: Character, character: Character) -> bool:
    """Tell whether ``character`` continues the word that ``last`` belongs to."""
    if last.turn != character.turn or last.light != character.light:
        return False
    # Turned text is compared in its own direction; the page's size cancels out of differences.
    one, other = last.box, character.box
    if last.turn:
        one, other = turned(one, last.turn, 0, 0), turned(other, last.turn, 0, 0)
    _, top, right, bottom = one
    left, other_top, _, other_bottom = other
    gap = left - right
    height, other_height = bottom - top, other_bottom - other_top
    if other_height > height:
        height, other_height = other_height, height
    if not -height < gap <= WORD_GAP * height:
        return False
    level = min(other_bottom, bottom) - max(other_top, top)
    return level >= other_height / 2


Verdict = Literal["trust", "compare", "read", "blank"]
"""Believe the layer; read the page and compare; read the page; nothing is drawn at all."""

ALMOST_EMPTY: Final = 16  # characters: a stamp or page number on a scan, not its text
SCAN_SHARE: Final = 0.6  # of the page: an image this large is a scan or photo of a page
BAD_SHARE: Final = 0.05  # of the characters that no reader could use
LATIN_LETTERS: Final = 80  # fewer say nothing about the mix
VOWELS: Final = frozenset("aeiouyáàâäãåæéèêëíìîïóòôöõøœúùûüý")
VOWEL_SHARES: Final = (0.2, 0.65)  # natural languages in Latin letters lie between 0.3 and 0.5
SYMBOL_SHARE: Final = 0.45  # of the characters neither letter nor digit: a broken encoding


@dataclass(frozen=True, slots=True)
class Drawn:
    """What is drawn on a page.

    Attributes:
        anything: whether there is any object at all.
        image_share: of the page that the largest image covers, 0 to 1.
        text_below_image: whether text is drawn before that image, and may lie under it.
        unmapped: characters whose font does not say what they mean.
    """

    anything: bool
    image_share: float = 0.0
    text_below_image: bool = False
    unmapped: int = 0


def judge(characters: Sequence[Character], drawn: Drawn) -> Verdict:
    """Decide whether a page's text layer is worth trusting."""
    if not drawn.anything:
        return "blank"
    inked = [c for c in characters if not c.ends_word]
    shown = [c for c in inked if not c.hidden]
    scan = drawn.image_share >= SCAN_SHARE
    if not inked or (scan and len(inked) < ALMOST_EMPTY):
        return "read"
    if _is_garbage(inked, drawn.unmapped):
        return "read"
    if scan and (drawn.text_below_image or len(shown) * 2 < len(inked)):
        return "compare"
    if not shown:
        return "read"
    return "trust"


def _is_garbage(characters: Sequence[Character], unmapped: int) -> bool:
    texts = [c.text for c in characters]
    bad = unmapped + sum(
        1
        for text in texts
        if not text or text == "\ufffd" or unicodedata.category(text) in {"Cc", "Co", "Cn", "Cs"}
    )
    if bad > BAD_SHARE * len(texts):
        return True
    symbols = sum(1 for text in texts if text and unicodedata.category(text)[0] in "SP")
    if len(texts) >= LATIN_LETTERS and symbols > SYMBOL_SHARE * len(texts):
        # Rows of dots and rules are punctuation too; only a mix of many signs is an encoding.
        kinds = {text for text in texts if text and unicodedata.category(text)[0] in "SP"}
        return len(kinds) > 12  # noqa: PLR2004 - more kinds of signs than any form draws
    latin = [text.lower() for text in texts if text.isalpha() and ord(text) < 0x250]  # noqa: PLR2004 - end of Latin Extended-B
    if len(latin) < LATIN_LETTERS:
        return False
    vowels = sum(1 for letter in latin if letter in VOWELS) / len(latin)
    return not VOWEL_SHARES[0] <= vowels <= VOWEL_SHARES[1]


OVER: Final = 0.5
"""Of the smaller of two boxes: words that share more stand in one place."""


def is_written_over(words: Sequence[Word]) -> bool:
    """Tell whether two words that say different things stand in one place.

    One borrows the other's ink. Drawn twice, for weight or as a shadow, a word stays itself.
    """
    open_words: list[Word] = []
    for word in sorted(words, key=lambda word: word.box[1]):
        left, top, right, _ = word.box
        open_words = [other for other in open_words if other.box[3] > top]
        for other in open_words:
            box = other.box
            # Most stand beside each other: that is asked first.
            beside = box[0] >= right or left >= box[2]
            if not beside and other.text != word.text and _shared(box, word.box):
                return True
        open_words.append(word)
    return False


def _shared(one: Box, other: Box) -> bool:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return False
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high > OVER * smaller


TINY: Final = 0.4  # of a figure's height: type so small is none of its digits


def is_dotted(figures: Iterable[Box], unread: Sequence[Box]) -> bool:
    """Tell whether characters that are too small to be read stand in or beside a figure.

    A thick outline makes a point or a minus of them, whatever their size.
    """
    if not unread:
        return False
    for left, top, right, bottom in figures:
        height = min(bottom - top, right - left) if bottom - top > right - left else bottom - top
        for box in unread:
            x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            small = max(box[2] - box[0], box[3] - box[1]) < TINY * height
            if small and left - height < x < right + height and top < y < bottom:
                return True
    return False


def unsure(page: Page) -> Page:
    """Return a page whose figures nobody can be sure of, so that nothing of it is posted."""
    words = [
        word._replace(confidence=0.0) if any(map(str.isdigit, word.text)) else word
        for word in page.words
    ]
    return page.model_copy(update={"words": tuple(words)})


AGREEING_SHARE: Final = 0.6  # of the words read, that the layer has too
SURE: Final = 0.9  # a number read with this confidence must be in the layer
LONG_ENOUGH: Final = 3  # characters; shorter ones agree by chance


def agrees(layer: Sequence[Word], read: Sequence[Word]) -> bool:
    """Tell whether a layer that nobody sees says what the page shows.

    Most of the words must agree, and every number read with confidence must be in the layer: a
    hidden layer that differs in one amount, or lacks its point, is the one to fear. Nor may the
    layer have an amount where another one, or nothing, was read.
    """
    texts = [word.text for word in layer]
    known = set(map(_key, texts))
    # The two may split words differently: a number may be two or three words of the layer.
    joined = {"".join(texts[i : i + n]) for i in range(len(texts)) for n in (1, 2, 3)}
    numbers = set(map(_key, joined))
    amounts = set(map(_key, filter(_AMOUNT.search, joined)))
    told = [word for word in read if len(_key(word.text)) >= LONG_ENOUGH]
    if not told:
        return False
    for word in told:
        key = _key(word.text)
        stated = amounts if _AMOUNT.search(word.text) else numbers
        if key.isdigit() and word.confidence >= SURE and key not in stated:
            return False
    if sum(_key(word.text) in known for word in told) < AGREEING_SHARE * len(told):
        return False
    return all(_is_read(word, read) for word in layer if _AMOUNT.search(word.text))


def _is_read(word: Word, read: Sequence[Word]) -> bool:
    """Tell whether an amount of the layer was read where it stands, or read without confidence."""
    left, top, right, bottom = word.box
    reach = bottom - top
    there = [
        other
        for other in read
        if other.box[0] < right + reach
        and other.box[2] > left - reach
        and other.box[1] < bottom + reach / 2
        and other.box[3] > top - reach / 2
    ]
    said = "".join(_key(other.text) for other in sorted(there, key=lambda other: other.box[0]))
    return _key(word.text) in said or any(other.confidence < SURE for other in there)


_AMOUNT: Final = re.compile(r"\d[.,]\d{2}(?!\d)")


def _key(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
