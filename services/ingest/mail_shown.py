"""What of an e-mail a mail program shows, and whether every mail program shows the same figures.

Of alternatives (RFC 2046, 5.1.4) the last is the richest, and programs show the HTML. Some people's
programs show the plain text: where it states other figures, nobody can be sure of what was seen.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from enum import IntEnum
from typing import Final

from services.ingest.html_text import is_blank, text_of
from services.ingest.mail_text import is_sure, text_in

_LINK: Final = re.compile(r"<(?:https?://|mailto:|tel:)[^\s<>]*>|https?://[^\s<>]*", re.IGNORECASE)
"""Only one of the two bodies writes it out."""

_MARKUP: Final = "*_|:;.,()[]{}<>\"'"
"""What a plain text says of bold type, links and tables at a word's ends."""

_LINES: Final = re.compile(r"(\A|[\n\f])")
_DOUBTFUL: Final = r"\1" + "\u202e"
"""Makes a reader take no line for what is shown (UAX 9, RLO): each page of it is doubted."""


class _Rank(IntEnum):
    """Which of several alternatives a mail program shows: the last one of the highest."""

    NOTHING = 0  # that is a body
    PLAIN = 1
    HTML = 2


@dataclass(frozen=True, slots=True)
class Shown:
    """What is shown of a part.

    Attributes:
        text: its words, from top to bottom.
        files: what else it holds, in order.
        is_sure: whether every mail program shows these figures.
        rank: among alternatives.
    """

    text: str = ""
    files: tuple[Message, ...] = ()
    is_sure: bool = True
    rank: _Rank = _Rank.NOTHING

    def doubted(self) -> str:
        """Return the text; where it is not sure, so that nothing of it is posted."""
        return self.text if self.is_sure else _LINES.sub(_DOUBTFUL, self.text)


def shown_in(part: Message) -> Shown:
    """Return what is shown of a part, and the files in it.

    Its depth is bounded already. A part of an e-mail inside is a file, and read in its own turn.
    """
    inside = part.get_payload()
    if part.get_content_maintype() == "message" or not isinstance(inside, list):
        return _body(part) if is_body(part) else Shown(files=(part,))
    children = [one for one in inside if isinstance(one, Message)]
    kind = part.get_content_type()
    if kind == "multipart/alternative":
        shown = _alternatives(children)
    else:
        below = [shown_in(one) for one in children]
        shown = _together(below, related=kind == "multipart/related")
    return replace(shown, is_sure=shown.is_sure and is_sure(part))


def is_body(part: Message, *, named: bool = False) -> bool:
    """Tell whether a part's text is shown by itself; one with a name only where it may be named."""
    return (
        part.get_content_type() in {"text/plain", "text/html"}
        and part.get_content_disposition() != "attachment"
        and (named or part.get_filename() is None)
    )


def _body(part: Message) -> Shown:
    words = text_in(part)
    if part.get_content_subtype() == "plain":
        return Shown(
            words.strip(), (), is_sure(part), _Rank.PLAIN if words.strip() else _Rank.NOTHING
        )
    rank = _Rank.NOTHING if is_blank(words) else _Rank.HTML
    return Shown(text_of(words), (), is_sure(part), rank)


def _together(shown: Sequence[Shown], *, related: bool) -> Shown:
    """Return what stands one below the other.

    What is related to a text is a picture in it: of two texts mail programs show either.
    """
    texts = [one.text for one in shown if one.text]
    either = related and len(texts) > 1 and any(map(_has_figures, texts))
    return Shown(
        "\n".join(texts),
        tuple(file for one in shown for file in one.files),
        all(one.is_sure for one in shown) and not either,
        max((one.rank for one in shown), default=_Rank.NOTHING),
    )


def _alternatives(parts: Sequence[Message]) -> Shown:
    every = [_body(one) if is_body(one, named=True) else shown_in(one) for one in parts]
    best = max((one.rank for one in every), default=_Rank.NOTHING)
    if best is _Rank.NOTHING:
        return _together(every, related=False)
    at = max(place for place, one in enumerate(every) if one.rank is best)
    chosen = every[at]
    beside = [text_of(text_in(one)) for one in parts if _is_shown_by_few(one)]
    texts = [one.text for place, one in enumerate(every) if place != at and one.text]
    # an HTML body without words is a picture of them: what they say, a person must look up
    text = chosen.text or (texts[-1] if texts else "")
    return Shown(
        text,
        tuple(
            file
            for place, one in enumerate(every)
            for file in one.files
            if place == at or _is_listed(file) or (place > at and _is_picture(file))
        ),
        chosen.is_sure and all(_agrees(one, chosen.text) for one in (*texts, *beside)),
        best,
    )


def _is_shown_by_few(part: Message) -> bool:
    """Tell whether a few mail programs show an alternative that is none of the usual two."""
    kind = part.get_content_type()
    is_text = kind.startswith("text/") and kind != "text/calendar"
    return is_text and not is_body(part, named=True)


def _is_listed(file: Message) -> bool:
    """Tell whether mail programs list a file though they do not show the alternative it is in."""
    return file.get_content_disposition() == "attachment" or file.get_filename() is not None


def _is_picture(file: Message) -> bool:
    """Tell whether some mail programs show it; as a richer alternative they would."""
    kind = file.get_content_type()
    return kind == "application/pdf" or kind.startswith("image/")


def _has_figures(text: str) -> bool:
    return any(map(str.isdigit, text))


def _agrees(other: str, text: str) -> bool:
    """Tell whether another text states the same figures, each called the same; or none."""
    found = set(_figures(other))
    return not found or found == set(_figures(text))


def _figures(text: str) -> Iterator[tuple[str, ...]]:
    """Yield each word with a figure, the two words before it and the one after it."""
    bare = (word.strip(_MARKUP).casefold() for word in _LINK.sub(" ", text).split())
    words = ["", "", *(word for word in bare if any(map(_says, word))), ""]
    for place in range(2, len(words) - 1):
        if _has_figures(words[place]):
            yield tuple(words[place - 2 : place + 2])


def _says(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter) == "Sc"
