"""Shards of a batch, put together by their index."""

import itertools

import pytest

from services.ocr.answer import pages_in
from services.ocr.shards import MissingShardError, Shard, place_of, together
from shared.errors import PermanentError
from shared.events.results import Page
from tests.emulators.documentai_answers import Json, document, recorded, shards_of

WINNIE = "Winnie_the_Pooh_50_Pages"


def shard(answer: Json) -> Shard:
    """Return an answer as a shard."""
    index, count = place_of(answer)
    return Shard(index, count, tuple(pages_in(answer, before=0, sizes=[])), None)


def said(pages: tuple[Page, ...]) -> list[str]:
    """Return what each page says."""
    return [" ".join(word.text for word in page.words) for page in pages]


def made() -> list[Shard]:
    """Return three shards of five pages."""
    whole = document([[f"page {number}"] for number in range(1, 6)])
    return [shard(one) for one in shards_of(whole, per_shard=2)]


def test_any_order_gives_the_same_pages() -> None:
    """They come as a bucket lists them."""
    for order in itertools.permutations(made()):
        pages, extraction = together(order, most=5)
        assert said(pages) == [f"page {number}" for number in range(1, 6)]
        assert [page.number for page in pages] == [1, 2, 3, 4, 5]
        assert extraction is None


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_shard_too_few_is_noticed(missing: int) -> None:
    """The first, one between, the last: pages in = pages read."""
    shards = made()
    del shards[missing]
    with pytest.raises(MissingShardError):
        together(shards, most=5)


def test_none_at_all_are_too_few() -> None:
    """An operation may be told of before its output can be listed."""
    with pytest.raises(MissingShardError):
        together([], most=5)


def test_a_shard_that_comes_twice_counts_once() -> None:
    """Its pages are not read twice."""
    shards = made()
    assert len(together([*shards, shards[1]], most=5)[0]) == 5


def test_shards_of_several_batches_are_not_mixed() -> None:
    """They disagree on how many there are, and no shard that may still come will mend it."""
    shards = made()
    stranger = Shard(2, 4, shards[2].pages, None)
    with pytest.raises(PermanentError, match="unreadable"):
        together([*shards[:2], stranger], most=5)


def test_an_answer_that_was_not_cut_is_one_of_one() -> None:
    """A short batch says nothing of shards."""
    assert place_of({}) == (0, 1)


def test_real_shards_out_of_order_are_put_in_order() -> None:
    """Their files are numbered the other way round."""
    answers = [recorded(f"unordered_shards/{WINNIE}-{number}.json") for number in range(5)]
    if None in answers:
        pytest.skip("no recorded outputs beside the project: see tests/emulators")
    pages, _ = together([shard(answer) for answer in answers if answer is not None], most=50)
    assert [page.number for page in pages] == list(range(1, 51))
    assert sum(bool(page.words) for page in pages) > 40


def test_a_real_missing_shard_is_noticed() -> None:
    """Four of five came."""
    answers = [recorded(f"missing_shard/{WINNIE}-{number}.json") for number in (0, 1, 3, 4)]
    if None in answers:
        pytest.skip("no recorded outputs beside the project: see tests/emulators")
    with pytest.raises(MissingShardError):
        together([shard(answer) for answer in answers if answer is not None], most=50)


@pytest.mark.parametrize(
    "told",
    [
        {"shardCount": "900000000000"},
        {"shardCount": "3"},
        {"shardCount": "0"},
        {"shardIndex": "-1"},
        {"shardIndex": "2"},
    ],
)
def test_what_a_shard_says_of_itself_is_not_believed(told: Json) -> None:
    """The attack: a list as long as it says would be all memory; waiting for it, all day."""
    whole = document([["page 1"], ["page 2"]])
    answers = shards_of(whole, per_shard=1)
    for answer in answers:
        answer["shardInfo"] = answer["shardInfo"] | told
    with pytest.raises(PermanentError, match="unreadable"):
        together([shard(answer) for answer in answers], most=2)
