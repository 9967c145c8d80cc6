"""The APIs' documents, and what deploys them."""

import json

import pytest

from deploy.cloudrun.api import build
from deploy.cloudrun.api_documents import FOLDER, documents
from shared.errors import UserError


def test_documents_are_up_to_date() -> None:
    """Partners and auditors program against these files; run ``make docs`` after a change."""
    for name, text in documents().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text


def test_documents_promise_no_error_that_quotes_the_input() -> None:
    """FastAPI adds its own validation error, which ours never sends."""
    for text in documents().values():
        assert "HTTPValidationError" not in text
        for path in json.loads(text)["paths"].values():
            for operation in path.values():
                assert {"4XX", "5XX"} <= set(operation["responses"])
                assert operation["security"]


def test_unknown_api_is_a_mistake_of_one_line() -> None:
    """Whoever deploys reads this first."""
    with pytest.raises(UserError, match="name one of ingest-api, ledger-api"):
        build("ledger")
