"""``docledger doctor`` over HTTP, on a project that is as it should be, and on APIs that refuse."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

from deploy.cli.doctor import Asked, doctor
from deploy.doctor.reading import Call, Google
from shared.clock import FakeClock
from shared.errors import UserError
from tests.deploy.conftest import Docledger, plain
from tests.emulators.googleapis import PAGE, TOKEN, GoogleApis, Served, serving
from tests.emulators.googleapis_site import (
    EXTERNAL,
    NUMBER,
    PROJECT,
    PUBSUB,
    REGION,
    STORAGE,
    bucket,
    right,
)

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

EXTERNALS = tuple(f"{name}={member}" for name, member in EXTERNAL.items())


@pytest.fixture(scope="module")
def apis() -> GoogleApis:
    """Give a project that is as it should be."""
    return right()


@pytest.fixture(scope="module")
def served(apis: GoogleApis) -> Iterator[Served]:
    """Give its APIs, on a port."""
    yield from serving(apis)


@pytest.fixture
def google(apis: GoogleApis, served: Served) -> Iterator[Google]:
    """Give the way there; nothing but reading may have come by it."""
    apis.faults.clear()
    session = AuthorizedSession(Credentials(TOKEN))  # type: ignore[no-untyped-call]
    session.trust_env = False
    yield Google(session, address=lambda host: f"{served.url}/{host}", clock=FakeClock())
    assert apis.wrong == []
    session.close()  # type: ignore[no-untyped-call]


def test_a_project_as_it_should_be_passes_with_evidence(
    google: Google, apis: GoogleApis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gate of a release: every line, dated, with the digests of what it was compared with."""
    evidence = tmp_path / "evidence.json"
    apis.asked.clear()
    asked = Asked(PROJECT, REGION, external=EXTERNALS, output=evidence, as_json=True)
    assert doctor(asked, google=google, clock=FakeClock()) == 0
    said = json.loads(evidence.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert said["lines"] == rows
    assert (said["exit_code"], said["at"]) == (0, "2026-01-01T00:00:00+00:00")
    assert {row["status"] for row in rows} == {"ok", "accepted"}
    assert set(said["tables"]) == {"iam.yaml", "topology.yaml"}
    looked_at = {row["resource"].partition("/")[0] for row in rows}
    assert {
        *("bucket", "topic", "subscription", "key", "ring", "secret", "service", "run_job"),
        *("repository", "account", "role", "database", "log_bucket", "processor", "project"),
        *("sink", "sinks"),
    } <= looked_at
    assert "SECRET" not in evidence.read_text(encoding="utf-8")
    # The buckets alone fill two pages, so what is on the second was read, too.
    assert sum(one == f"GET {STORAGE}" for one in apis.asked) == 2
    assert len([one for one in apis.resources if one.startswith(f"{PUBSUB}/topics")]) > PAGE


def test_the_table_has_a_row_a_resource(google: Google, capsys: pytest.CaptureFixture[str]) -> None:
    """A person reads what was looked at; what is right is counted, not listed."""
    only = ("database", "log_bucket", "processors", "run_jobs", "ring/signers", "sink", "sinks")
    assert doctor(Asked(PROJECT, REGION, only=only), google=google, clock=FakeClock()) == 0
    said = capsys.readouterr()
    assert [line.split() for line in plain(said.out).splitlines()] == [
        [PROJECT, "in", REGION],
        ["status", "resource", "check", "expected", "found"],
        ["ok", "database/books", "8", "checks"],
        ["ok", "log_bucket/audit", "2", "checks"],
        ["ok", "log_bucket/others", "2", "checks"],
        ["ok", "processor/invoice0123", "1", "check"],
        ["ok", "processor/ocr0123", "1", "check"],
        ["ok", "ring/signers", "7", "checks"],
        ["ok", "ring/signers/log-acme", "2", "checks"],
        ["ok", "run_jobs", "1", "check"],
        ["ok", "sink/_Default", "4", "checks"],
        ["ok", "sink/docledger-audit-archived", "5", "checks"],
        ["ok", "sink/docledger-audit-searched", "4", "checks"],
        ["ok", "sinks", "1", "check"],
    ]
    assert said.err == "docledger: 38 ok\n"


def test_a_refusal_names_the_role_and_the_rest_goes_on(
    google: Google, apis: GoogleApis, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be looked at is never success; nothing of a server's text is repeated."""
    place = f"{STORAGE}/{bucket('log')}"
    apis.faults[place] = 403
    assert doctor(Asked(PROJECT, REGION, only=("bucket",)), google=google) == 3
    said = plain(capsys.readouterr().out)
    [row] = [line for line in said.splitlines() if line.startswith("unknown")]
    assert "bucket/log" in row
    role = f"projects/{PROJECT}/roles/docledger.inspectBuckets"
    assert f"refused (403 PERMISSION_DENIED): it takes {role}" in row
    assert "bucket/objects" in said
    assert "SECRET" not in said


@pytest.mark.parametrize(
    "fault",
    [403, 401, 500, 503, 302, b"<html>", b"[]", b"[" * 100_000, b'{"nextPageToken": "again"}'],
    ids=("403", "401", "500", "503", "302", "html", "array", "nested", "endless"),
)
def test_an_api_that_refuses_or_answers_garbage_is_not_success(
    google: Google, apis: GoogleApis, capsys: pytest.CaptureFixture[str], fault: int | bytes
) -> None:
    """A gate that reads nothing must not open."""
    for host in ("storage", "pubsub", "sqladmin"):
        apis.faults[f"{host}.googleapis.com"] = fault
    only = ("buckets", "bucket/log", "subscription/ocr.pages-read", "database")
    code = doctor(Asked(PROJECT, REGION, only=only, as_json=True), google=google)
    statuses = [json.loads(line)["status"] for line in capsys.readouterr().out.splitlines()]
    assert code == 3
    assert "unknown" in statuses


@pytest.mark.parametrize(
    "policy", [b'{"bindings": 1}', b'{"bindings": [1]}', b'{"bindings": [{}]}']
)
def test_a_policy_that_is_none_is_not_success(
    google: Google, apis: GoogleApis, policy: bytes
) -> None:
    """An empty one would look like nobody being granted anything; this is not even that."""
    apis.faults[f"{STORAGE}/{bucket('log')}/iam"] = policy
    assert doctor(Asked(PROJECT, REGION, only=("bucket/log",)), google=google) in {1, 3}


def test_without_the_projects_number_nothing_is_claimed(
    google: Google, apis: GoogleApis, capsys: pytest.CaptureFixture[str]
) -> None:
    """Google's own accounts are named by it: no policy could be judged."""
    for fault in (403, 404, b'{"name": "projects/other"}'):
        apis.faults["cloudresourcemanager.googleapis.com"] = fault
        assert doctor(Asked(PROJECT, REGION), google=google) == 3
    assert "unknown" in capsys.readouterr().out


def test_an_api_that_passes_a_storm_is_asked_again(google: Google, apis: GoogleApis) -> None:
    """Quotas are a second's: three tries, and then it is not seen."""
    apis.asked.clear()
    apis.faults["sqladmin.googleapis.com"] = 429
    assert doctor(Asked(PROJECT, REGION, only=("databases",)), google=google) == 3
    assert len([one for one in apis.asked if "sqladmin" in one]) == 3


def test_nothing_but_policies_is_ever_posted() -> None:
    """Whatever a later check wants: it cannot write."""
    with pytest.raises(ValueError, match="only policies"):
        Call("storage.googleapis.com", "/storage/v1/b", post=True)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (Asked("Not a project", REGION), "--project"),
        (Asked(PROJECT, "Frankfurt"), "--region"),
        (Asked(PROJECT, REGION, only=("bukket",)), "no kind of resource"),
        (Asked(PROJECT, REGION, only=("bucket/none",)), "there is no bucket/none"),
        (Asked(PROJECT, REGION, external=("ocr=group:a@example.com",)), "NAME=MEMBER"),
        (Asked(PROJECT, REGION, external=("partners=allUsers",)), "NAME=MEMBER"),
        (Asked(PROJECT, REGION, only=("database",), output=Path("/no/such/file")), "-o"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_a_mistake_says_what_to_do(google: Google, asked: Asked, says: str) -> None:
    """Exit code 2 is a person's mistake, and no finding."""
    with pytest.raises(UserError, match=says):
        doctor(asked, google=google)


def test_the_number_is_the_projects(apis: GoogleApis) -> None:
    """The stand-in's agents are named by it; a site that ignored it would prove nothing."""
    assert any(NUMBER in str(policy) for policy in apis.policies.values())


def test_without_a_login_the_command_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a person types it: one line, exit code 2."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "none.json"))
    said = Docledger(tmp_path / "data", tmp_path)(
        "doctor", "--project", PROJECT, "--region", REGION, "bucket/log"
    )
    assert said.code == 2
    assert "gcloud auth application-default login" in said.err
