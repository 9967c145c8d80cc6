"""Documents as Document AI answers them, made by our own code: its JSON's shape, our content."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pypdfium2
from PIL import Image, ImageSequence

from tests.emulators.stamps import stamped

RECORDED: Final = Path(__file__).resolve().parents[3] / "shared" / "data" / "documentai"
"""Real outputs, where somebody has laid them beside the project."""

Json = dict[str, Any]

_WIDTH: Final = 1700
_HEIGHT: Final = 2200
_LINE: Final = 0.03


def pages_of(content: bytes, mime_type: str) -> list[list[str]]:
    """Return the lines of each page of a file: the text of a PDF, the stamp of an image."""
    if mime_type != "application/pdf":
        with Image.open(io.BytesIO(content)) as picture:
            texts = [stamped(frame) for frame in ImageSequence.Iterator(picture)]
        return [[] if text is None else [text] for text in texts]
    document = pypdfium2.PdfDocument(content)
    found = []
    for page in document:
        text = page.get_textpage()
        found.append(text.get_text_bounded().splitlines())
        text.close()
        page.close()
    document.close()
    return found


def document(
    pages: Sequence[Sequence[str]], *, first: int = 1, orientation: str = "PAGE_UP"
) -> Json:
    """Return a document with these lines on its pages.

    Args:
        pages: lines of each.
        first: number of the first page.
        orientation: of everything on them.
    """
    text, told = "", []
    for number, lines in enumerate(pages, start=first):
        begun, tokens = len(text), []
        for row, line in enumerate(lines):
            for column, word in enumerate(line.split()):
                box = (0.05 + 0.1 * column, 0.05 + _LINE * row, 0.09, 0.02)
                tokens.append(_token(len(text), word, box, orientation))
                text += f"{word} "
            text += "\n"
        told.append(
            {
                "pageNumber": number,
                "dimension": {"width": _WIDTH, "height": _HEIGHT, "unit": "pixels"},
                "layout": {
                    "textAnchor": _anchor(begun, len(text)),
                    "boundingPoly": _poly((0, 0, 1, 1)),
                    "orientation": orientation,
                    "confidence": 0.98,
                },
                "tokens": tokens,
            }
        )
    return {"text": text, "pages": told}


def invoice() -> Json:
    """Return an invoice with entities, of the shape that the invoice parser gives them."""
    made = document([["Invoice R-17", "Mill Ltd", "Total 119.00 EUR", "Flour 2 50.00 100.00"]])
    line = _entity("line_item", "Flour 2 50.00 100.00", 1.0)
    line["properties"] = [
        _entity("line_item/description", "Flour", 0.8),
        _entity("line_item/quantity", "2", 0.9, {"text": "2"}),
        _entity("line_item/unit_price", "50.00", 0.9, _money("50")),
        _entity("line_item/amount", "100.00", 0.95, _money("100")),
    ]
    made["entities"] = [
        _entity("supplier_name", "Mill\nLtd", 0.91),
        _entity("invoice_id", "R-17", 0.7),
        _entity("invoice_date", "1.4.26", 0.9, {"dateValue": {"year": 2026, "month": 4, "day": 1}}),
        _entity("due_date", "soon", 0.9),
        _entity("currency", "€", 0.6, {"text": "EUR"}),
        _entity("net_amount", "100,-", 0.9, _money("100")),
        _entity("total_tax_amount", "19.00", 0.9),
        _entity("total_amount", "118.00", 0.2, _money("118")),
        _entity("total_amount", "119.50", 0.9, _money("119", nanos=500_000_000)),
        _entity("freight_amount", "9", 0.9),
        line,
    ]
    return made


def shards_of(whole: Json, *, per_shard: int) -> list[Json]:
    """Cut a document into shards: page numbers go on, texts and page references begin anew."""
    pages, text = whole["pages"], whole["text"]
    count = -(-len(pages) // per_shard)
    made = []
    for index in range(count):
        part = pages[index * per_shard : (index + 1) * per_shard]
        begins = _start(part[0]["layout"])
        ends = int(part[-1]["layout"]["textAnchor"]["textSegments"][0]["endIndex"])
        shard: Json = {
            "shardInfo": {"shardCount": str(count)},
            "text": text[begins:ends],
            "pages": [_moved(page, begins) for page in part],
        }
        if index:
            shard["shardInfo"] |= {"shardIndex": str(index), "textOffset": str(begins)}
        else:
            shard["entities"] = whole.get("entities", [])
        made.append(shard)
    return made


def recorded(name: str) -> Json | None:
    """Return a real output, None where the folder is not beside the project."""
    path = RECORDED / name
    if not path.exists():
        return None
    told: Json = json.loads(path.read_text(encoding="utf-8"))
    within: Json = told.get("document", told)
    return within


def _moved(page: Json, by: int) -> Json:
    def back(layout: Mapping[str, Any]) -> Json:
        part = layout["textAnchor"]["textSegments"][0]
        anchor = _anchor(int(part.get("startIndex", 0)) - by, int(part["endIndex"]) - by)
        return {**layout, "textAnchor": anchor}

    tokens = [{**token, "layout": back(token["layout"])} for token in page["tokens"]]
    return {**page, "layout": back(page["layout"]), "tokens": tokens}


def _start(layout: Mapping[str, Any]) -> int:
    return int(layout["textAnchor"]["textSegments"][0].get("startIndex", 0))


def _token(start: int, word: str, box: tuple[float, ...], orientation: str) -> Json:
    return {
        "layout": {
            "textAnchor": _anchor(start, start + len(word) + 1),
            "confidence": 0.97,
            "boundingPoly": _poly(box),
            "orientation": orientation,
        }
    }


def _anchor(start: int, end: int) -> Json:
    """Return an anchor as JSON has it: 64-bit numbers are strings, and no zero is written."""
    return {
        "textSegments": [{"endIndex": str(end)} | ({"startIndex": str(start)} if start else {})]
    }


def _poly(box: tuple[float, ...]) -> Json:
    x, y, width, height = box
    corners = ((x, y), (x + width, y), (x + width, y + height), (x, y + height))
    return {
        "normalizedVertices": [
            {name: value for name, value in (("x", a), ("y", b)) if value} for a, b in corners
        ]
    }


def _entity(kind: str, text: str, confidence: float, normalized: Json | None = None) -> Json:
    made: Json = {
        "type": kind,
        "mentionText": text,
        "confidence": confidence,
        "pageAnchor": {"pageRefs": [{"boundingPoly": _poly((0.1, 0.2, 0.3, 0.1))}]},
    }
    return made if normalized is None else made | {"normalizedValue": normalized}


def _money(units: str, *, nanos: int = 0) -> Json:
    return {"moneyValue": {"units": units, "nanos": nanos, "currencyCode": "EUR"}}
