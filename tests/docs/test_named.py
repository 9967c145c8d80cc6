"""Whatever a document names is there."""

from pathlib import Path

import pytest

from tests.docs.named import DOCUMENTS, ROOT, codes, missing


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_is_there(document: Path) -> None:
    """Who follows a guide at night must not find that a command of it never was."""
    assert missing(document.read_text(encoding="utf-8"), document.parent) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[x](nowhere.md)", "link nowhere.md"),
        ("`infra/nothing.yaml`", "path infra/nothing.yaml"),
        ("`services/*/nothing.py`", "path services/*/nothing.py"),
        ("`shared/{clock,nothing}.py`", "path shared/{clock,nothing}.py"),
        (
            "`tests/docs/test_named.py::test_of_nothing`",
            "test tests/docs/test_named.py::test_of_nothing",
        ),
        ("```\ndocledger frobnicate\n```", "docledger frobnicate: there is no command frobnicate"),
        ("`docledger keys show|lose`", "docledger keys lose: there is no command lose"),
        ("```\ncd x && docledger verify \\\n  --kee k\n```", "docledger verify --kee k"),
        ("`docledger --data-dir x status --wach`", "docledger --data-dir x status --wach"),
        ("`make nothing`", "make nothing"),
        ("so DOCLEDGER_NOTHING says", "variable DOCLEDGER_NOTHING"),
        ("`DOCLEDGER_NOTHING_<FIELD>`", "variable DOCLEDGER_NOTHING_"),
        ("`terraform apply -var=nothing=1`", "Terraform variable nothing"),
        ('```hcl\nnothing = "x"\n```', "Terraform variable nothing"),
        ("`terraform output -json docledger | jq -r .nothing`", "Terraform output nothing"),
    ],
)
def test_what_is_not_there_is_found(text: str, told: str) -> None:
    """A checker that finds nothing would pass whatever is written."""
    (problem,) = missing(text, ROOT)
    assert problem.startswith(told)


@pytest.mark.parametrize(
    "text",
    [
        "[x](README.md#use-it) and [y](https://nowhere.example/z)",
        "`shared/{clock,errors}.py`, `services/*/README.md`, `docs/`",
        "`docledger` is a command; docledger turns documents into entries",
        "`docledger.document.read.v1` and `docledger-ocr`",
        "```\nA=b .venv/bin/docledger run invoices/ --format json | jq .status\n```",
        "`docledger keys show|rotate`; `docledger topology diff --project P`",
        "`DOCLEDGER_OCR_<FIELD>`, `DOCLEDGER_KMS_KEK`, `DOCLEDGER_SMOKE_KEY`",
        '```hcl\norigin = "x"\nreaders = {\n  nothing = 1\n}\n```',
    ],
)
def test_what_is_there_is_let_pass(text: str) -> None:
    """A checker that cries at good text is soon turned off."""
    assert missing(text, ROOT) == []


def test_the_documents_name_much() -> None:
    """That nothing is missing means something only where something is named."""
    named = [code for path in DOCUMENTS for code in codes(path.read_text(encoding="utf-8"))]
    assert len(named) > 500
