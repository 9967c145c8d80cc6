"""The OCR models of RapidOCR's wheel (PP-OCR: detection, recognition) on ONNX Runtime, run lean.

RapidOCR's own pipeline costs several CPU-seconds and hundreds of MB a page: it enlarges the page
for the detector, classifies every line's angle, and pads every batch of the recogniser. Here the
same models get a page of the size that they need and lines batched by width; the orientation is
decided once a page (``page_reader``). Source of the pre- and postprocessing: PaddleOCR's DB
(Liao et al. 2020) and CTC decoding.
"""

import functools
import importlib.util
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime

from services.ocr.adapters.image_types import Image
from shared.errors import PermanentError
from shared.telemetry.reasons import QuarantineReason

DETECTOR: Final = "PP-OCRv6_det_small.onnx"
RECOGNISER: Final = "PP-OCRv6_rec_small.onnx"

DETECTOR_STEP: Final = 32  # the network halves its input five times
MOST_ENLARGED: Final = 1.5  # finer detail than the image has helps nobody
INK: Final = 0.3  # probability above which a pixel belongs to a line
LINE_SCORE: Final = 0.5  # mean probability that makes a region a line
UNCLIP: Final = 1.6  # the network learns shrunken lines; grow them back by area / perimeter
LEAST_SIDE: Final = 3.0  # pixels of the detector's map
MOST_LINES: Final = 2000  # of one page

LINE_HEIGHT: Final = 48  # pixels, what the recogniser was trained on
WIDTH_STEP: Final = 32
LEAST_WIDTH: Final = 96  # lines are padded to it: the network reads nothing narrower well
MOST_WIDTH: Final = 3200
BATCH_WIDTH: Final = 2400  # pixels of all the lines of one batch: bounds memory
BATCH_PADDING: Final = 0.15  # a line joins a batch when its padding costs no more than this


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text on an image: a turned rectangle in pixels.

    Attributes:
        centre: x, y.
        size: width along the text, height across it.
        angle: degrees clockwise of the text's direction.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    angle: float


@dataclass(frozen=True, slots=True)
class Glyph:
    """One character that was recognised.

    Attributes:
        text: the character.
        start: where it begins along the line, 0 to 1.
        end: where it ends.
        confidence: its probability.
    """

    text: str = field(repr=False)
    start: float
    end: float
    confidence: float


class Engine:
    """Detector and recogniser, loaded once per process (about 0.4 s and 120 MB)."""

    def __init__(self) -> None:
        self._detector = _session(DETECTOR)
        self._recogniser = _session(RECOGNISER)
        listed = self._recogniser.get_modelmeta().custom_metadata_map["character"].splitlines()
        self._characters = ["", *listed, " "]

    def detect(self, image: Image, *, pixels: int) -> list[Line]:
        """Find the lines of text on an image, which is scaled to about so many pixels before."""
        height, width = image.shape[:2]
        scale = min(MOST_ENLARGED, math.sqrt(pixels / (height * width)))
        columns = max(DETECTOR_STEP, round(width * scale / DETECTOR_STEP) * DETECTOR_STEP)
        lines = max(DETECTOR_STEP, round(height * scale / DETECTOR_STEP) * DETECTOR_STEP)
        smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        small = cv2.resize(image, (columns, lines), interpolation=smooth)
        # In one piece: bands would halve the memory, but the network weighs each pixel against the
        # whole image, and finds nothing in a band that holds little text.
        blob = cv2.dnn.blobFromImage(small, 1 / 127.5, mean=(127.5, 127.5, 127.5))
        ink = _run(self._detector, blob)[0, 0]
        return _lines(ink, width / columns, height / lines)

    def recognise(self, crops: Sequence[Image]) -> list[list[Glyph]]:
        """Read upright crops of single lines; one list of glyphs a crop, in the same order."""
        found: list[list[Glyph]] = [[] for _ in crops]
        widths = [_line_width(crop) for crop in crops]
        for batch in batches(widths):
            most = max(LEAST_WIDTH, *(widths[index] for index in batch))
            blob = np.zeros((len(batch), 3, LINE_HEIGHT, most), np.float32)
            for row, index in enumerate(batch):
                line = cv2.resize(crops[index], (widths[index], LINE_HEIGHT))
                blob[row, :, :, : widths[index]] = line.transpose(2, 0, 1) / 127.5 - 1.0
            steps = _run(self._recogniser, blob)
            for row, index in enumerate(batch):
                found[index] = self._glyphs(steps[row], most / widths[index])
        return found

    def _glyphs(self, steps: npt.NDArray[np.float32], stretch: float) -> list[Glyph]:
        """Decode CTC: the best class a step, repeats and blanks dropped."""
        best = steps.argmax(axis=1)
        keep = best != 0
        keep[1:] &= best[1:] != best[:-1]
        count = len(best)
        ends = np.flatnonzero(np.append(best[1:] != best[:-1], True))
        glyphs = []
        for start in np.flatnonzero(keep):
            end = int(ends[np.searchsorted(ends, start)])
            glyphs.append(
                Glyph(
                    self._characters[best[start]],
                    min(1.0, float(start) / count * stretch),
                    min(1.0, (end + 1) / count * stretch),
                    float(steps[start : end + 1, best[start]].max()),
                )
            )
        return glyphs


@functools.cache
def engine() -> Engine:
    """Return this process's engine; loaded when the first page needs it."""
    return Engine()


def _session(model: str) -> Any:  # noqa: ANN401 - onnxruntime ships no types
    """Open one of the wheel's models: one thread, no arena, so that memory goes back."""
    found = importlib.util.find_spec("rapidocr")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("rapidocr, whose wheel carries the models", name="rapidocr")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.enable_mem_pattern = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        str(Path(found.origin).parent / "models" / model),
        sess_options=options,
        providers=["CPUExecutionProvider"],
    )


def _run(session: Any, blob: npt.NDArray[Any]) -> npt.NDArray[np.float32]:  # noqa: ANN401 - onnxruntime ships no types
    """Run a model; its input is of our own making, so what fails is the memory to run it in."""
    try:
        found: npt.NDArray[np.float32] = session.run(None, {session.get_inputs()[0].name: blob})[0]
    except Exception as err:
        raise PermanentError(QuarantineReason.RESOURCE_EXHAUSTED) from err
    return found


def _lines(ink: npt.NDArray[np.float32], scale_x: float, scale_y: float) -> list[Line]:
    """Turn the detector's map into lines on the image (differentiable binarization)."""
    mask = cv2.dilate((ink > INK).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    found = []
    for contour in contours[:MOST_LINES]:
        (x, y), (width, height), angle = cv2.minAreaRect(contour)
        if min(width, height) < LEAST_SIDE:
            continue
        left, top, across, down = cv2.boundingRect(contour)
        region = np.zeros((down, across), np.uint8)
        corners = cv2.boxPoints(((x, y), (width, height), angle)) - (left, top)
        cv2.fillPoly(region, [corners.astype(np.int32)], 1)
        if cv2.mean(ink[top : top + down, left : left + across], region)[0] < LINE_SCORE:
            continue
        grow = 2 * width * height * UNCLIP / (2 * (width + height))
        width, height = width + grow, height + grow
        # A rectangle has four names; take the one whose direction is nearest to rightwards.
        # (Which one OpenCV returns has changed between its versions.)
        quarters = round(angle / 90)
        angle -= 90 * quarters
        if quarters % 2:
            width, height = height, width
        found.append(Line((x * scale_x, y * scale_y), (width * scale_x, height * scale_y), angle))
    return found


def _line_width(crop: Image) -> int:
    height, width = int(crop.shape[0]), int(crop.shape[1])
    wanted = round(width / max(height, 1) * LINE_HEIGHT)
    return min(MOST_WIDTH, max(wanted, 1))


def batches(widths: Sequence[int]) -> list[list[int]]:
    """Group line indices so that lines of about one width are recognised together."""
    groups: list[list[int]] = []
    for index in sorted(range(len(widths)), key=lambda index: -widths[index]):
        group = groups[-1] if groups else []
        most = max(LEAST_WIDTH, widths[group[0]]) if group else 0
        fits = group and (len(group) + 1) * most <= BATCH_WIDTH
        if fits and most <= max(LEAST_WIDTH, widths[index]) * (1 + BATCH_PADDING):
            group.append(index)
        else:
            groups.append([index])
    return groups
