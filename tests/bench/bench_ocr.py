"""CPU-seconds, memory and text of scanned receipts, beside RapidOCR's own pipeline in one run.

``python tests/bench/bench_ocr.py [FOLDER] [COUNT]``: FOLDER holds ``img/*.jpg`` and
``box/*.csv`` (SROIE: eight corner coordinates and the text of a line). Each reader runs in a
process of its own, so that its peak memory is its own.
"""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
DEFAULT_FOLDER: Final = ROOT / os.environ.get("DOCLEDGER_DATA", "../shared/data") / "sroie-dev"
READERS: Final = ("docledger", "rapidocr")
COORDINATES: Final = 8


def words(text: str) -> Counter[str]:
    """Return the words of letters and digits, whatever stands between them."""
    return Counter(re.findall(r"[a-z0-9]+", text.lower()))


def truth(box: Path) -> str:
    """Return the text of a SROIE box file."""
    lines = box.read_text(encoding="utf-8", errors="replace").splitlines()
    return " ".join(line.split(",", COORDINATES)[-1] for line in lines)


def docledger() -> Callable[[bytes], str]:
    """Return our reader."""
    from services.ocr.adapters.task import read_document  # noqa: PLC0415 - measured: its memory
    from shared.events.payloads import MediaType  # noqa: PLC0415 - likewise

    def read(content: bytes) -> str:
        reading = read_document(content, MediaType.JPEG)
        return " ".join(word.text for page in reading.pages for word in page.words)

    return read


def rapidocr() -> Callable[[bytes], str]:
    """Return RapidOCR as it comes."""
    import logging  # noqa: PLC0415 - only this reader is noisy

    from rapidocr import RapidOCR  # noqa: PLC0415 - measured: its memory

    logging.disable()
    engine = RapidOCR()
    return lambda content: " ".join(getattr(engine(content), "txts", None) or ())


def measure(reader: str, folder: Path, count: int) -> dict[str, float]:
    """Read ``count`` receipts in this process and say what it took."""
    read = {"docledger": docledger, "rapidocr": rapidocr}[reader]()
    images = sorted((folder / "img").glob("*.jpg"))[:count]
    read(images[0].read_bytes())  # loads the models
    hits = labelled = found = 0
    started = process_time()
    for image in images:
        have = words(read(image.read_bytes()))
        want = words(truth(folder / "box" / f"{image.stem}.csv"))
        hits += sum((have & want).values())
        labelled += sum(want.values())
        found += sum(have.values())
    seconds = process_time() - started
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return {
        "receipts": len(images),
        "cpu_s_per_receipt": round(seconds / len(images), 2),
        "peak_rss_mb": round(peak / 1024),
        "word_recall": round(hits / labelled, 4),
        "word_precision": round(hits / found, 4),
    }


def main(folder: Path = DEFAULT_FOLDER, count: int = 20) -> None:
    """Print both readers' figures."""
    if not (folder / "img").is_dir():
        print(f"no labelled receipts in {folder}: skipped")
        return
    for reader in READERS:
        answer = subprocess.run(
            [sys.executable, __file__, "--one", reader, str(folder), str(count)],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        figures = json.loads(answer.stdout.splitlines()[-1])
        told = ", ".join(f"{name} {figure}" for name, figure in figures.items())
        print(f"{reader:10} {told}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        given = sys.argv[1:]
        main(Path(given[0]) if given else DEFAULT_FOLDER, int(given[1]) if given[1:] else 20)
