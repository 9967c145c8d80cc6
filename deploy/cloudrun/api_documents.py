"""The APIs' documents, docs/api/*.json: ``python -m deploy.cloudrun.api_documents`` writes them."""

import json
from pathlib import Path
from typing import Final

from services.ingest.api import undeployed as ingest_api
from services.ledger.api import undeployed as ledger_api

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "api"


def documents() -> dict[str, str]:
    """Return every document: its name in docs/api, and its text (OpenAPI 3.1)."""
    apis = {"ingest-api.json": ingest_api(), "ledger-api.json": ledger_api()}
    return {
        name: json.dumps(app.openapi(), indent=2, ensure_ascii=False) + "\n"
        for name, app in apis.items()
    }


def write(folder: Path = FOLDER) -> None:
    """Write every document."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write()
