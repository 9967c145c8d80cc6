"""Pages as cameras and scanners see them: rendered, then turned, bent, lit unevenly, blurred."""

from io import BytesIO
from typing import Any, cast

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

Pixels = NDArray[np.float64]


def render(pdf: bytes, *, dpi: int, page: int = 0) -> Image.Image:
    """Return one page as a gray picture."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        picture = document[page].render(scale=dpi / 72, grayscale=True).to_pil()
        return cast("Image.Image", picture.convert("L"))
    finally:
        document.close()


def _add_noise(picture: Image.Image, seed: int, strength: float) -> Image.Image:
    """Add the grain of a sensor: normal noise of ``strength`` gray levels."""
    pixels: Pixels = np.asarray(picture, dtype=np.float64)
    noise = np.random.default_rng(seed).normal(0.0, strength, pixels.shape)
    return Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))


def scan(picture: Image.Image, *, seed: int, degrees: float) -> Image.Image:
    """Return the page as a flatbed scanner gives it: skewed, grayish, grainy, with specks."""
    turned = picture.rotate(degrees, Image.Resampling.BICUBIC, expand=False, fillcolor=255)
    pixels: Pixels = np.asarray(turned, dtype=np.float64) * 0.86 + 28
    generator = np.random.default_rng(seed)
    rows = generator.integers(0, pixels.shape[0] - 2, 160)
    columns = generator.integers(0, pixels.shape[1] - 2, 160)
    for row, column in zip(rows, columns, strict=True):
        pixels[row : row + 2, column : column + 2] = 90
    return _add_noise(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)), seed, 9.0)


def _perspective(
    source: list[tuple[float, float]], target: list[tuple[float, float]]
) -> list[float]:
    """Return Pillow's eight coefficients that show ``source`` corners at ``target`` corners."""
    rows, right = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[u, v, 1, 0, 0, 0, -x * u, -x * v], [0, 0, 0, u, v, 1, -y * u, -y * v]]
        right += [x, y]
    solved = np.linalg.solve(np.array(rows, dtype=np.float64), np.array(right, dtype=np.float64))
    return [float(value) for value in solved]


def photograph(picture: Image.Image, *, seed: int) -> Image.Image:
    """Return the paper as a phone sees it: on a table, in perspective, in uneven light, soft."""
    width, height = picture.size
    margin = width // 7
    size = (width + 2 * margin, height + 2 * margin)
    lean = width / 22
    target = [
        (margin + lean, margin * 0.8),
        (margin + width - lean * 0.4, margin + lean * 0.9),
        (margin + width + lean * 0.5, margin + height),
        (margin - lean * 0.6, margin + height - lean * 0.7),
    ]
    corners: list[tuple[float, float]] = [(0, 0), (width, 0), (width, height), (0, height)]
    coefficients = _perspective(corners, target)
    how = (Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BICUBIC)
    paper = picture.transform(size, *how)
    mask = Image.new("L", picture.size, 255).transform(size, *how)

    ys, xs = np.mgrid[0 : size[1], 0 : size[0]]
    grain = np.random.default_rng(seed).normal(0.0, 1.0, size[0] // 8 + 1)
    table = 96 + 6 * grain[xs // 8] + 5 * np.sin(ys / 97)
    light = 1.04 - 0.30 * (xs / size[0]) * (0.4 + 0.6 * ys / size[1])
    cover: Pixels = np.asarray(mask, dtype=np.float64) / 255
    gray: Pixels = (np.asarray(paper, dtype=np.float64) * 0.93 + 8) * cover + table * (1 - cover)
    tint = np.array([1.0, 0.975, 0.92])  # lamp light
    lit = np.clip((gray * light)[..., None] * tint, 0, 255).astype(np.uint8)
    return Image.fromarray(lit).filter(ImageFilter.GaussianBlur(0.8))


def save(picture: Image.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's own
    """Return the picture as a file of Pillow's format ``kind``."""
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def picture_pdf(pictures: list[Image.Image], *, dpi: int, hidden_text: str = "") -> bytes:
    """Return a PDF whose pages are pictures.

    Args:
        pictures: one a page.
        dpi: gives the size of the paper.
        hidden_text: an invisible text layer on the first page, a line each, as an OCR program
            would leave it; it need not say what the picture says.
    """
    buffer = BytesIO()
    canvas = Canvas(buffer, invariant=1, pageCompression=1)
    for number, picture in enumerate(pictures):
        width, height = (side * 72 / dpi for side in picture.size)
        canvas.setPageSize((width, height))
        if hidden_text and number == 0:
            text = canvas.beginText(50, height - 60)
            text.setTextRenderMode(3)
            text.setFont("Helvetica", 10)
            text.textLines(hidden_text)
            canvas.drawText(text)
        jpeg = ImageReader(BytesIO(save(picture, "JPEG", quality=70)))
        canvas.drawImage(jpeg, 0, 0, width, height)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()
