"""The sentences that say most of a text: extractive, in the order of the document."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from services.summarize.folding import fold
from services.summarize.layout import Sheet

_MOST_SENTENCES: Final = 3
_LONGEST: Final = 320
_WORDY: Final = 5  # words from which a line may be running text
_END: Final = re.compile(r"(?<=[.!?])\s+(?=[A-ZÀ-Ý0-9„“\"(])")
_ABBREVIATION: Final = re.compile(
    r"(?:\b(?:mr|mrs|dr|no|nr|st|co|inc|ltd|bzw|ca|etc|z\.b|d\.h|u\.a|vgl|str|abs|art|tel"
    r"|approx|jan|feb|mar|apr"
    r"|jun|jul|aug|sep|sept|oct|nov|dec|bhd|sdn|prof|m|mme)|\b[a-z]|\d)\.$"
)
_WORD: Final = re.compile(r"[a-z]{4,}")
_COMMON: Final = frozenset(
    [
        "this",
        "that",
        "with",
        "from",
        "have",
        "will",
        "shall",
        "your",
        "which",
        "their",
        "been",
        "were",
        "they",
        "dear",
        "sincerely",
        "regards",
        "please",
        "diese",
        "dieser",
        "dieses",
        "eine",
        "einer",
        "einem",
        "einen",
        "nicht",
        "werden",
        "wird",
        "sind",
        "auch",
        "sich",
        "oder",
        "nach",
        "haben",
        "sehr",
        "geehrte",
        "geehrter",
        "damen",
        "herren",
        "freundlichen",
        "pour",
        "dans",
        "avec",
        "vous",
        "nous",
        "votre",
        "notre",
        "sont",
        "cette",
        "leur",
        "yang",
        "untuk",
        "dengan",
        "dari",
        "pada",
        "adalah",
        "akan",
        "kami",
        "anda",
        "tidak",
        "atau",
        "page",
        "seite",
    ]
)
_GREETING: Final = re.compile(
    r"^(?:dear|sehr geehrte|mit freundlichen|yours|kind regards|best regards|madame|monsieur"
    r"|cher|tuan"
    r"|page|seite|tel|fax|phone|e-?mail|www|http|sincerely)"
)


def _paragraphs(sheet: Sheet) -> Iterator[str]:
    """Yield running text: rows of several words, joined until the text breaks off."""
    held: list[str] = []
    for row in sheet.rows:
        text = " ".join(segment.text for segment in row.segments).strip()
        figures = sum(c.isdigit() for c in text)
        wordy = (
            figures * 8 < len(text)
            and len(text.split()) >= _WORDY
            and sum(c.isalpha() for c in text) > len(text) * 0.55
        )
        tail = (
            bool(held)
            and not held[-1].rstrip().endswith((".", "!", "?", ":"))
            and text[:1].islower()
        )
        if wordy or tail:
            held.append(text)
            continue
        if held:
            yield " ".join(held)
        held = []
    if held:
        yield " ".join(held)


def sentences(sheet: Sheet) -> list[str]:
    """Return the sentences of a document's running text."""
    found: list[str] = []
    for paragraph in _paragraphs(sheet):
        held = ""
        for part in _END.split(paragraph):
            held = f"{held} {part}".strip()
            if _ABBREVIATION.search(fold(held)):
                continue
            found.append(held)
            held = ""
        if held:
            found.append(held)
    return [item for item in found if len(item.split()) >= 4]  # noqa: PLR2004


def _cut(text: str) -> str:
    """Return a sentence no longer than fits a summary, cut at a word."""
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"


def extract(sheet: Sheet) -> str:
    """Return one to three sentences of the document itself; its first lines where it has none."""
    every = sentences(sheet)
    if not every:
        first = [row.text.replace("  ", " ") for row in sheet.rows[:3]]
        return _cut(" · ".join(first)) if first else "The document has no text."
    counts = Counter(
        word for item in every for word in set(_WORD.findall(fold(item))) if word not in _COMMON
    )

    def worth(index: int) -> float:
        folded = fold(every[index])
        words = [word for word in _WORD.findall(folded) if word not in _COMMON]
        if not words or _GREETING.match(folded):
            return -1.0
        shared = sum(counts[word] - 1 for word in set(words)) / len(words)
        figures = 0.3 if any(c.isdigit() for c in folded) else 0.0
        return shared + figures + 1.5 / (1 + index) - (0.4 if len(folded) > _LONGEST else 0.0)

    ranked = sorted(range(len(every)), key=lambda index: (-worth(index), index))
    chosen = sorted(index for index in ranked[:_MOST_SENTENCES] if worth(index) >= 0) or [0]
    return " ".join(_cut(every[index]) for index in chosen)
