"""Every control has code, a test and evidence."""

import re
from typing import Final

from tests.docs.named import ROOT
from tests.docs.tables import rows

TEXT: Final = (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
LISTS: Final = ("criterion", "control", "article", "section")
_CODE: Final = re.compile(r"`[\w./*-]+`")
_TEST: Final = re.compile(r"`tests/[\w/]+\.py(::test_\w+)?`")


def unserved(text: str) -> list[str]:
    """Return the controls that lack code or a test."""
    return [
        row[first]
        for first in LISTS
        for row in rows(text, first)
        if not (_CODE.search(row["code"]) and _TEST.search(row["test"]))
    ]


def test_every_control_has_code_and_a_test() -> None:
    """A mapping without them is a promise, and no evidence."""
    assert unserved(TEXT) == []
    assert sum(1 for first in LISTS for _ in rows(TEXT, first)) > 50


def test_a_control_without_a_test_is_found() -> None:
    """What the check is there for."""
    text = TEXT.replace("`tests/services/summarize/test_contested.py`", "by hand")
    assert unserved(text) == ["23 accuracy"]
