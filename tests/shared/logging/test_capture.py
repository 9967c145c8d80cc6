"""What libraries say goes through the same filter, wherever they thought to send it."""

import io
import json
import logging
import sys
import threading
import types
import warnings
from collections.abc import Iterator

import pytest

from shared.logging import LogSettings, capture, get_logger

CANARY = "ada.lovelace@example.com"


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """Lines written while everything is captured."""
    written: list[str] = []
    restore = capture(get_logger("ocr", sink=written.append))
    yield written
    restore()


def test_a_record_is_masked_and_named_after_its_package(lines: list[str]) -> None:
    """A library quotes an address; the line keeps the sentence and loses the address."""
    logging.getLogger("json.decoder").warning("bad value %s\nhere", CANARY)
    line = json.loads(lines[0])
    assert (line["op"], line["severity"]) == ("library.message", "WARNING")
    assert (line["library"], line["text"]) == ("json", r"bad value [email]\nhere")


def test_a_logger_named_after_content_is_not_named(lines: list[str]) -> None:
    """Some libraries make a logger a connection, named by the user."""
    logging.getLogger(CANARY).error("x")
    assert "lovelace" not in lines[0]
    assert json.loads(lines[0])["severity"] == "ERROR"


def test_a_records_exception_loses_its_message(lines: list[str]) -> None:
    """``logger.exception`` prints the message and the source line."""
    with pytest.raises(ValueError, match="ada") as caught:
        raise ValueError(CANARY)
    logging.getLogger("json").error("failed", exc_info=caught.value)
    assert "lovelace" not in lines[0]
    assert json.loads(lines[0])["error"] == "ValueError"


def test_a_librarys_own_handler_is_bypassed(lines: list[str]) -> None:
    """The attack: a library installs a handler and stops propagation, as OCR engines do."""
    stream = io.StringIO()
    library = logging.getLogger("json.tool")
    handler = logging.StreamHandler(stream)
    library.addHandler(handler)
    library.propagate = False
    try:
        library.warning("read %s", CANARY)
    finally:
        library.removeHandler(handler)
        library.propagate = True
    assert stream.getvalue() == ""
    assert len(lines) == 1


def test_chatter_below_the_level_is_dropped(lines: list[str]) -> None:
    """Libraries that set their own level to DEBUG do not fill our disks."""
    library = logging.getLogger("json.chatty")
    library.setLevel(logging.DEBUG)
    library.info("x")
    assert lines == []


def test_a_broken_format_string_ends_nobody(lines: list[str]) -> None:
    """The record has two arguments and no place for them."""
    logging.getLogger("json").warning("no place", *[CANARY] * 2)
    assert json.loads(lines[0])["text"] == ""


def test_warnings_are_masked(lines: list[str]) -> None:
    """A warning prints its source line and the value that caused it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = warnings.showwarning  # catch_warnings keeps what is installed
        warnings.warn(f"odd value {CANARY}", UserWarning, stacklevel=1)
    line = json.loads(lines[0])
    assert (line["op"], line["text"]) == ("python.warning", "odd value [email]")
    assert line["error"] == "UserWarning"


def test_an_unhandled_exception_shows_type_and_place(lines: list[str]) -> None:
    """The interpreter would print message and source lines to stderr."""
    with pytest.raises(ValueError, match="ada") as caught:
        raise ValueError(CANARY)
    error, trace = caught.value, caught.tb
    sys.excepthook(ValueError, error, trace)
    threading.excepthook(threading.ExceptHookArgs((ValueError, error, trace, None)))
    sys.unraisablehook(
        types.SimpleNamespace(
            exc_type=ValueError, exc_value=error, exc_traceback=trace, err_msg=CANARY, object=CANARY
        )
    )
    assert [json.loads(line)["error"] for line in lines] == ["ValueError"] * 3
    assert all("lovelace" not in line for line in lines)


def test_everything_is_put_back() -> None:
    """Tests and the command line borrow the process; they return it as it was."""
    before = (logging.Logger.callHandlers, warnings.showwarning, sys.excepthook, sys.unraisablehook)
    capture(get_logger("ocr"))()
    after = (logging.Logger.callHandlers, warnings.showwarning, sys.excepthook, sys.unraisablehook)
    assert before == after


def test_at_debug_every_library_is_heard_until_all_is_put_back() -> None:
    """Who looks for a fault lowers the level for a while; severities tell chatter from trouble."""
    lines: list[str] = []
    before = logging.getLogger().level
    level = LogSettings.from_environment({"DOCLEDGER_LOG_LEVEL": "debug"}).level
    restore = capture(get_logger("ocr", sink=lines.append), level=level)
    try:
        logging.getLogger("json.quiet").debug("chatter")
        logging.getLogger("json.quiet").warning("trouble")
    finally:
        restore()
    assert [json.loads(line)["severity"] for line in lines] == ["INFO", "WARNING"]
    assert logging.getLogger().level == before
