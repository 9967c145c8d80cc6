"""Cutting long documents and putting them together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ocr.ranges import assembled, covering, ranges_of, reconcile
from shared.errors import PermanentError
from shared.events.results import EInvoice, Page, PageRange


def part(first: int, last: int, *, einvoice: EInvoice | None = None) -> PageRange:
    """Return a range of blank pages."""
    pages = tuple(
        Page(number=n, width=1, height=1, engine="text_layer", words=())
        for n in range(first, last + 1)
    )
    return PageRange(first=first, last=last, pages=pages, einvoice=einvoice)


@given(st.integers(1, 300), st.integers(1, 40))
def test_ranges_cover_every_page_once(pages: int, most: int) -> None:
    """No page is read twice or forgotten."""
    covered = [n for a, b in ranges_of(pages, most) for n in range(a, b + 1)]
    assert covered == list(range(1, pages + 1))


@pytest.mark.parametrize(
    ("stored", "pages", "cover"),
    [
        ([(1, 2), (3, 4)], 4, [(1, 2), (3, 4)]),
        ([(3, 4), (1, 2)], 4, [(1, 2), (3, 4)]),
        ([(1, 2)], 4, None),
        ([(3, 4)], 4, None),
        ([], 1, None),
        # Cut by two settings, where one delivery came before a restart and one after:
        ([(1, 8), (1, 2), (3, 4)], 4, [(1, 2), (3, 4)]),
        ([(1, 3), (1, 2), (3, 4)], 4, [(1, 2), (3, 4)]),
    ],
)
def test_a_cover_is_found_when_there_is_one(
    stored: list[tuple[int, int]], pages: int, cover: list[tuple[int, int]] | None
) -> None:
    """Whoever completes the set must know it."""
    assert covering(stored, pages) == cover


def test_the_whole_document_has_its_einvoice() -> None:
    """The XML is found with the first pages and belongs to all."""
    xml = EInvoice(syntax="cii", xml="<a/>", visible=True)
    reading = assembled([part(1, 2, einvoice=xml), part(3, 3)], pages=3)
    assert [page.number for page in reading.pages] == [1, 2, 3]
    assert reading.einvoice == xml


@pytest.mark.parametrize("parts", [[part(1, 2)], [part(2, 3)], [part(1, 2), part(2, 3)]])
def test_a_page_too_few_or_too_many_is_refused(parts: list[PageRange]) -> None:
    """Pages in = pages read."""
    with pytest.raises(PermanentError, match="pages_missing"):
        assembled(parts, pages=3)


def test_a_range_of_other_pages_is_refused() -> None:
    """The reader's word is checked, not believed."""
    assert reconcile(part(2, 3), first=2, last=3) == part(2, 3)
    with pytest.raises(PermanentError, match="pages_missing"):
        reconcile(part(2, 3), first=2, last=4)
