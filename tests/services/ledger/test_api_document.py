"""The API and its document agree: the document is sound, and whatever it allows is answered so."""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from deploy.cloudrun.api_documents import FOLDER
from services.ledger.adapters.schema import JOURNAL
from shared.api.problems import MESSAGES
from shared.database.sqlite import open_sqlite
from shared.telemetry.apis import ApiProblem
from tests.services.ledger.auditing import keep
from tests.services.ledger.auditor import ALL, Api
from tests.shared.api.asking import badge

DOCUMENT: dict[str, Any] = json.loads((FOLDER / "ledger-api.json").read_text())
DOCUMENTS = sorted(path.name for path in FOLDER.glob("*.json"))

Node = dict[str, Any]


def operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    """Yield path, method and operation."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_is_sound(name: str) -> None:
    """Clients are generated from it: a document with a hole makes clients with one."""
    document = json.loads((FOLDER / name).read_text())
    OpenAPIV31SpecValidator(document).validate()
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_says_everything_about_every_operation(name: str) -> None:
    """What a linter of OpenAPI would ask: words, types, errors and who may call, everywhere."""
    document = json.loads((FOLDER / name).read_text())
    assert document["info"]["description"]
    for path, method, operation in operations(document):
        at = f"{method} {path}"
        assert operation["summary"], at
        assert operation["description"].endswith("."), at
        assert operation["security"], at
        assert {"4XX", "5XX"} <= set(operation["responses"]), at
        assert all(answer["description"] for answer in operation["responses"].values()), at
        told = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
        assert set(re.findall(r"{(\w+)}", path)) == told, at


def test_every_parameter_and_property_of_ours_is_described_and_bounded() -> None:
    """An auditor reads the document before the code; a client must know how long is too long."""
    for path, method, operation in operations(DOCUMENT):
        for parameter in operation["parameters"]:
            schema = parameter["schema"]
            kinds = [schema, *schema.get("anyOf", ())]
            at = f"{method} {path}: {parameter['name']}"
            assert parameter.get("description") or parameter["name"] == "limit", at
            if any(kind.get("type") == "integer" for kind in kinds):
                assert any("maximum" in kind for kind in kinds), at


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Api:
    """Give an API over a log, for schemathesis to ask."""
    folder = tmp_path_factory.mktemp("fuzzed")
    database = open_sqlite(folder / "ledger.sqlite", JOURNAL)
    keep(folder, database, "acme", (3, 40))
    database.close()
    api = Api(folder)
    ASKED.append(api)
    return api


ASKED: Final[list[Api]] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Be the application of the API that is there when it is asked, as long as there are tests."""
    if scope["type"] == "http":
        await ASKED[-1].app(scope, receive, send)
    else:
        for what in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{what}.complete"})


SCHEMA: Final = schemathesis.openapi.from_dict(DOCUMENT)
SCHEMA.app = app
SCHEMA.config.generation.update(modes=list(GenerationMode))
CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@SCHEMA.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_whatever_is_asked_is_answered_as_the_document_says(api: Api, case: Case[Any]) -> None:
    """Requests out of the document, sensible or not: no 5xx, no surprise, and no echo."""
    api.process.lines.clear()
    if case.path_parameters and len(str(case.path_parameters.get("tenant"))) % 4:
        case.path_parameters["tenant"] = "acme"
    answer = case.call(headers=dict([badge(ALL)]))
    case.validate_response(answer, checks=CHECKS)
    if answer.status_code >= 400:
        problem = answer.json()
        assert problem["message"] == MESSAGES[ApiProblem(problem["code"])]
        assert set(problem) == {"code", "message"}
