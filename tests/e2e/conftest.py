"""What the end-to-end tests work on."""

import signal
from pathlib import Path

import pytest

from examples.fixed import fast_examples
from examples.generate import save_examples
from examples.truth import Example

CHOSEN = (
    "invoice-de-label-left.pdf",
    "invoice-many-pages.pdf",
    "invoice-wrong-total.pdf",
    "facturx-invoice.pdf",
    "xml-ubl-invoice.xml",
    "invoice-plain-text.txt",
    "contract.pdf",
    "mail-with-attachments.eml",
    "corrupt.pdf",
    "encrypted.pdf",
    "empty.pdf",
)
"""Of the fast examples, one of each way through the house; their order of arrival is all one."""


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell has what it starts in the background ignore SIGINT, and that is inherited."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def few() -> list[Example]:
    """Eleven files that need no OCR."""
    return [example for example in fast_examples() if example.name in CHOSEN]


@pytest.fixture
def folder(tmp_path: Path, few: list[Example]) -> Path:
    """A folder that holds them."""
    save_examples(tmp_path / "in", few)
    return tmp_path / "in"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Where a data folder will be."""
    return tmp_path / "data"
