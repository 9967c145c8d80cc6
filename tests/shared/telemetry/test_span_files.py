"""Files of spans: one a process and a day."""

from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan

from shared.telemetry.span_files import SpanFiles

DAY_NS = 86_400 * 10**9


def span(at: int) -> ReadableSpan:
    """Return a span that ended then."""
    return ReadableSpan(name="x", start_time=at - 5, end_time=at)


def test_a_new_day_is_a_new_file(tmp_path: Path) -> None:
    """What is old can be removed while the process runs on."""
    files = SpanFiles(tmp_path)
    for at in (3 * DAY_NS - 1, 3 * DAY_NS, 3 * DAY_NS + 7, 4 * DAY_NS):
        files.export([span(at)])
    files.shutdown()
    days = {path.stem.split("-")[1]: path.read_text() for path in tmp_path.iterdir()}
    assert {day: len(text.splitlines()) for day, text in days.items()} == {"2": 1, "3": 2, "4": 1}
    assert files.lost == 0


def test_nothing_to_export_is_fine(tmp_path: Path) -> None:
    """An exporter may be flushed at any time."""
    files = SpanFiles(tmp_path)
    files.export([])
    assert files.lost == 0
