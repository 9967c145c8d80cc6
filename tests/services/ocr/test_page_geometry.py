"""Lines, skew, batches and glyphs: the geometry around the models."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ocr.adapters import engine, page_reader
from services.ocr.adapters.engine import Engine, Glyph, Line, batches
from shared.errors import PermanentError


@given(st.lists(st.integers(1, 3200), max_size=60))
def test_every_line_is_in_one_batch_of_bounded_size(widths: list[int]) -> None:
    """Nothing is skipped, and memory has a bound however many lines a page has."""
    groups = batches(widths)
    assert sorted(index for group in groups for index in group) == list(range(len(widths)))
    for group in groups:
        widest = max(engine.LEAST_WIDTH, *(widths[i] for i in group))
        assert len(group) == 1 or widest * len(group) <= engine.BATCH_WIDTH


@pytest.mark.parametrize("angle", [-30.0, -5.0, 0.0, 5.0, 30.0])
def test_a_line_is_found_where_the_ink_is(angle: float) -> None:
    """Whatever names OpenCV gives a rectangle, the line runs rightwards."""
    ink = np.zeros((400, 400), np.float32)
    along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
    ys, xs = np.mgrid[0:400, 0:400]
    offset = np.stack([xs - 200, ys - 200], axis=-1)
    across = np.array([-along[1], along[0]])
    ink[(abs(offset @ along) < 100) & (abs(offset @ across) < 6)] = 1
    (line,) = engine._lines(ink, 2.0, 2.0)
    assert line.angle == pytest.approx(angle, abs=1)
    assert line.centre == pytest.approx((400, 400), abs=4)
    assert line.size[0] > 4 * line.size[1]


def test_faint_and_tiny_regions_are_no_lines() -> None:
    """Dust and paper grain cost time and say nothing."""
    ink = np.zeros((100, 100), np.float32)
    ink[10:12, 10:12] = 1
    ink[50:60, 10:90] = 0.35
    assert engine._lines(ink, 1, 1) == []


def long_line(angle: float, length: float = 200) -> Line:
    """Return a long line at an angle."""
    return Line((100, 100), (length, 20), angle)


@pytest.mark.parametrize(
    ("lines", "skew"),
    [
        ([], 0.0),
        ([long_line(0.1)], 0.0),
        ([long_line(2.0), long_line(2.2), long_line(-9.0, 90)], 2.0),
        ([Line((0, 0), (30, 20), 44.0)], 0.0),  # too short to know
        ([long_line(40.0)], 0.0),  # a stamp set askew
    ],
)
def test_the_pages_skew_is_that_of_its_long_lines(lines: list[Line], skew: float) -> None:
    """One crooked stamp must not tilt a page."""
    assert page_reader.page_skew(lines) == pytest.approx(skew)


def test_a_short_line_takes_the_pages_angle() -> None:
    """A single digit's rectangle may stand on its corner."""
    diamond = page_reader.aligned(Line((5, 5), (20, 20), 45.0), 0.0)
    assert diamond.angle == 0.0
    assert diamond.size == pytest.approx((28.28, 28.28), abs=0.01)


def test_a_line_at_the_edge_is_cut_without_an_error() -> None:
    """A box may reach over the border, or lie beyond it."""
    image = np.full((50, 80, 3), 255, np.uint8)
    assert page_reader._crop(image, Line((0, 0), (40, 20), 0.0)).size > 0
    assert page_reader._crop(image, Line((500, 500), (40, 20), 0.0)).size > 0
    assert page_reader._crop(image, Line((40, 25), (60, 10), 10.0)).shape == (10, 60, 3)
    assert page_reader._crop(image, Line((40, 25), (10, 40), 0.0)).shape == (10, 40, 3)


def glyphs(text: str, confidence: float = 0.9) -> list[Glyph]:
    """Return glyphs of equal width."""
    return [Glyph(t, i / len(text), (i + 1) / len(text), confidence) for i, t in enumerate(text)]


def test_a_line_is_split_at_its_spaces() -> None:
    """Text layer and OCR have the same granularity."""
    marks = page_reader._line_marks(
        Line((100, 50), (100, 20), 0.0), glyphs("ab cd"), 0.0, (100, 100)
    )
    assert [mark.text for mark in marks] == ["ab", "cd"]
    assert marks[0].box == pytest.approx((50, 40, 90, 60))
    assert marks[1].box == pytest.approx((110, 40, 150, 60))


def test_a_line_up_the_margin_keeps_its_place() -> None:
    """It is read from bottom to top, and its words stand above each other."""
    marks = page_reader._line_marks(
        Line((10, 100), (20, 100), 0.0), glyphs("ab cd"), 0.0, (100, 100)
    )
    assert marks[0].box[1] > marks[1].box[3]
    assert marks[0].box[0] == 0
    assert marks[0].box[2] == 20


def test_noise_is_not_read() -> None:
    """What is read without confidence is worse than nothing."""
    line = Line((100, 50), (100, 20), 0.0)
    assert page_reader._line_marks(line, glyphs("~,", 0.3), 0.0, (0, 0)) == []
    assert page_reader._line_marks(line, [], 0.0, (0, 0)) == []


class Broken:
    """A session that runs out of memory as ONNX Runtime does."""

    def get_inputs(self) -> list[Any]:
        """Name one input."""
        return [type("Input", (), {"name": "x"})]

    def run(self, *_: object) -> None:
        """Fail."""
        raise RuntimeError("std::bad_alloc")


def test_a_model_without_memory_is_the_documents_fault() -> None:
    """The page was too much for the limit: quarantine, not endless retries."""
    with pytest.raises(PermanentError, match="resource_exhausted"):
        engine._run(Broken(), np.zeros(1, np.float32))


def test_repeats_and_blanks_are_collapsed() -> None:
    """CTC: a letter held over several steps is one, a blank between two keeps both."""
    steps = np.zeros((6, 3), np.float32)
    for step, best in enumerate((1, 1, 0, 1, 2, 0)):
        steps[step, best] = 0.9
    reader = Engine.__new__(Engine)
    reader._characters = ["", "l", "o"]
    read = reader._glyphs(steps, 1.0)
    assert "".join(glyph.text for glyph in read) == "llo"
    assert read[0].start == 0.0
    assert read[0].end == pytest.approx(2 / 6)


def test_models_are_taken_from_the_wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the wheel it says which part is missing, and never downloads one."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match="rapidocr"):
        engine._session(engine.DETECTOR)
