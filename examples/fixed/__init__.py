"""The fixed set: one example of everything that docledger must deal with, each with its truth."""

from collections.abc import Sequence
from typing import Final

from examples.fixed.invoices import INVOICES
from examples.fixed.others import OTHERS
from examples.fixed.pictures import PICTURES
from examples.fixed.slots import build_all
from examples.truth import Example

DEFAULT_SEED: Final = 1


def fixed_examples(seed: int = DEFAULT_SEED) -> list[Example]:
    """Return the fixed set; the pictures in it take two seconds to make."""
    # pictures come last, so that leaving them out changes no other serial
    return build_all((*INVOICES, *OTHERS, *PICTURES), seed)


def fast_examples(seed: int = DEFAULT_SEED) -> list[Example]:
    """Return the examples of the fixed set that need no OCR, the same bytes as in the whole set."""
    return build_all((*INVOICES, *OTHERS), seed)


def markdown_table(examples: Sequence[Example]) -> str:
    """Return the table of the set as it stands in the README."""
    rows = ["| file | what | type | ends as | OCR |", "|---|---|---|---|---|"]
    for example in examples:
        ends = f"{example.status}, `{example.reason}`" if example.reason else example.status
        kind = example.truth.document_type or ""
        ocr = "" if example.fast else "yes"
        rows.append(f"| `{example.name}` | {example.about} | {kind} | {ends} | {ocr} |")
    return "\n".join(rows) + "\n"
