"""What Document AI answers, as words on pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ocr.answer import OUT_OF_SHAPE, pages_in
from shared.events.results import Page
from tests.emulators.documentai_answers import Json, document, recorded


def test_words_stand_where_they_were_seen() -> None:
    """Text by its anchor, box as fractions, confidence as told."""
    (page,) = pages_in(document([["Total 119.00"]]), before=0, sizes=[(612, 792)])
    assert (page.number, page.width, page.height, page.engine) == (1, 612, 792, "documentai")
    assert [word.text for word in page.words] == ["Total", "119.00"]
    assert page.words[0].box == pytest.approx((0.05, 0.05, 0.14, 0.07))
    assert page.words[0].confidence == 0.97


def test_page_numbers_go_on_from_those_before() -> None:
    """A range begins anew for whoever reads it; the document does not."""
    answer = document([["a"], ["b"]])
    assert [page.number for page in pages_in(answer, before=15, sizes=[])] == [16, 17]


@pytest.mark.parametrize(
    ("orientation", "rotation", "box"),
    [
        ("PAGE_UP", 0, (0.05, 0.05, 0.14, 0.07)),
        ("PAGE_DOWN", 180, (0.86, 0.93, 0.95, 0.95)),
        ("PAGE_RIGHT", 270, (0.05, 0.86, 0.07, 0.95)),
        ("PAGE_LEFT", 90, (0.93, 0.05, 0.95, 0.14)),
    ],
)
def test_a_page_that_lies_on_its_side_is_turned(
    orientation: str, rotation: int, box: tuple[float, ...]
) -> None:
    """Boxes are fractions of the upright page, whichever way it was scanned."""
    answer = document([["Total"]], orientation=orientation)
    (page,) = pages_in(answer, before=0, sizes=[(612, 792)])
    assert page.rotation == rotation
    assert page.words[0].box == pytest.approx(box)
    upright = (612, 792) if rotation in {0, 180} else (792, 612)
    assert (page.width, page.height) == upright


def test_pixels_do_where_there_are_no_fractions() -> None:
    """Both are in the contract of theirs, and either may be missing."""
    answer = document([["Total"]])
    poly = answer["pages"][0]["tokens"][0]["layout"]["boundingPoly"]
    poly["vertices"] = [{"x": 170, "y": 220}, {"x": 340, "y": 440}]
    del poly["normalizedVertices"]
    (page,) = pages_in(answer, before=0, sizes=[])
    assert page.words[0].box == pytest.approx((0.1, 0.1, 0.2, 0.2))


def test_a_page_without_tokens_keeps_its_text() -> None:
    """A page that was read must not look like a blank one."""
    answer = document([["Total 119.00", "EUR"]])
    answer["pages"][0]["tokens"] = []
    (page,) = pages_in(answer, before=0, sizes=[])
    assert [(word.text, word.line, word.box) for word in page.words] == [
        ("Total", 0, (0, 0, 1, 1)),
        ("119.00", 0, (0, 0, 1, 1)),
        ("EUR", 1, (0, 0, 1, 1)),
    ]


def test_a_size_is_turned_as_the_page_was_read() -> None:
    """A PDF's rotation, or a photo's EXIF, is in what was read and not in the file's size."""
    answer = document([["a"]])
    answer["pages"][0]["dimension"] = {"width": 2200, "height": 1700}
    (page,) = pages_in(answer, before=0, sizes=[(612, 792)])
    assert (page.width, page.height) == (792, 612)


@given(
    st.lists(
        st.tuples(st.floats(-2, 2), st.floats(-2, 2), st.floats(-1, 3)), min_size=1, max_size=6
    )
)
def test_whatever_is_told_stays_within_the_page(told: list[tuple[float, float, float]]) -> None:
    """A box beyond the page, or a confidence beyond one, breaks whoever reads the result."""
    tokens = [
        {
            "layout": {
                "textAnchor": {"textSegments": [{"endIndex": "3"}]},
                "confidence": confidence,
                "boundingPoly": {"normalizedVertices": [{"x": x, "y": y}, {"x": x + 0.1}]},
            }
        }
        for x, y, confidence in told
    ]
    answer: Json = {"text": "abc", "pages": [{"tokens": tokens}]}
    (page,) = pages_in(answer, before=0, sizes=[])
    for word in page.words:
        assert all(0 <= edge <= 1 for edge in word.box)
        assert 0 <= word.confidence <= 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("0/toolbox_invoice_test-0.json", 86),
        ("form_parser/pretrained-form-parser-v1.0-2020-09-23_full-output.json", 142),
        ("images/dl3-0.json", 85),
    ],
)
def test_real_answers_are_read(name: str, words: int) -> None:
    """Every token of a real output becomes a word."""
    answer = recorded(name)
    if answer is None:
        pytest.skip("no recorded outputs beside the project: see tests/emulators")
    (page,) = pages_in(answer, before=0, sizes=[])
    assert len(page.words) == words
    assert {word.line for word in page.words} == set(range(max(w.line for w in page.words) + 1))


@pytest.mark.parametrize(
    "layout",
    [
        {"textAnchor": {"textSegments": [{"startIndex": "-2", "endIndex": "-1"}]}},
        {"textAnchor": {"textSegments": [{"startIndex": "1", "endIndex": "9"}]}},
        {"textAnchor": {"textSegments": [{"startIndex": "2", "endIndex": "1"}]}},
        {"textAnchor": {"textSegments": [{"startIndex": float("inf")}]}},
        {"boundingPoly": {"normalizedVertices": [{"x": "NaN", "y": 0.1}]}},
        {"boundingPoly": {"normalizedVertices": [{"x": 0.1, "y": float("inf")}]}},
        {"confidence": "NaN"},
        {"boundingPoly": {"vertices": [{"x": {}}]}},
    ],
)
def test_an_answer_out_of_shape_is_no_page(layout: Json) -> None:
    """The attack: another word in a word's place, one too few, or a result nobody can open."""
    answer = document([["119.00"]])
    answer["pages"][0]["tokens"][0]["layout"] |= layout
    with pytest.raises(OUT_OF_SHAPE):
        pages_in(answer, before=0, sizes=[])


def test_a_word_without_a_place_is_not_left_out() -> None:
    """``1 119.00`` without its first word is another sum."""
    answer = document([["1 119.00"]])
    del answer["pages"][0]["tokens"][0]["layout"]["boundingPoly"]
    (page,) = pages_in(answer, before=0, sizes=[])
    assert [word.text for word in page.words] == ["1", "119.00"]


def test_half_a_character_does_not_keep_a_page_from_being_stored() -> None:
    """JSON can say what no text can."""
    answer = document([["ab"]])
    answer["text"] = "\ud83d" + answer["text"][1:]
    (page,) = pages_in(answer, before=0, sizes=[])
    assert Page.model_validate_json(page.model_dump_json()).words[0].text == "?b"
