"""APIs that refuse smoke or do not answer, and the tokens that it brings."""

import json
from pathlib import Path

import pytest

from deploy.cli import smoke as command
from deploy.cli.smoke import FINE, UNREACHABLE, Asked
from deploy.cli.smoke_tokens import token_for
from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from tests.deploy.cli.smoke_deployment import JOB, TOKEN, Deployment, Run

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]


@pytest.mark.parametrize("path", ["/v1/documents", "/v1/tenants/smoke/entries"])
def test_an_api_that_refuses_us_is_4_at_once(deployment: Deployment, run: Run, path: str) -> None:
    """A missing grant is mended by an operator, not by waiting."""
    deployment.answers[path] = 403
    code, evidence, err = run()
    assert code == UNREACHABLE
    assert "answers 403 (forbidden)" in err
    assert evidence["seconds"].get("posted") is None


def test_an_api_that_does_not_answer_is_4(run: Run) -> None:
    """It says nothing about the deployment but that it cannot be reached."""
    code, _, err = run(submit="http://127.0.0.1:1")
    assert code == UNREACHABLE
    assert "does not answer" in err


def test_an_api_that_answers_nonsense_is_4(deployment: Deployment, run: Run) -> None:
    """Another service at that address."""
    for path in ("/v1/tenants/smoke/entries", f"/v1/jobs/{JOB}"):
        deployment.posts = False
        for nonsense in (b"<html>", b"[1]", b"\xff", b"[" * 100_000):
            deployment.answers = {path: nonsense}
            assert run()[0] == UNREACHABLE


def test_tokens_go_where_they_belong_and_are_never_seen(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Each API has an audience of its own; evidence is kept, and read by many."""
    monkeypatch.setenv("SMOKE_TOKEN", TOKEN)
    (tmp_path / "token").write_text(f"{TOKEN}-2\n")
    tokens = {"submit_token": "env:SMOKE_TOKEN", "auditor_token": f"file:{tmp_path / 'token'}"}
    shown = json.dumps(run(**tokens))
    deployment.once = [403]
    shown += json.dumps(run(**tokens))
    assert "t0ken" not in shown
    of_partners = {token for _, path, token in deployment.seen if path.startswith("/v1/documents")}
    of_auditors = {token for _, path, token in deployment.seen if "smoke" in path}
    assert of_partners == {f"Bearer {TOKEN}"}
    assert of_auditors == {f"Bearer {TOKEN}-2"}


def test_a_cloud_run_job_brings_its_own_identity(
    deployment: Deployment, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ID token is made for one API; another one's would be refused, or worse, taken."""
    host = deployment.url.removeprefix("http://")
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    environ = {"CLOUD_RUN_JOB": "docledger-smoke", "GCE_METADATA_HOST": host}
    deployment.answers[path] = f"{TOKEN}\n".encode()
    assert token_for(None, "https://api.example/", environ=environ) == TOKEN
    assert "audience=https%3A%2F%2Fapi.example&" in deployment.seen[0][1]
    assert deployment.flavors == ["Google"]
    assert token_for(None, "http://api.example", environ=environ) is None
    assert token_for(None, "https://api.example", environ={}) is None
    for status, error in ((404, UserError), (403, UserError), (503, TransientError)):
        deployment.answers[path] = status
        with pytest.raises(error) as caught:
            token_for("metadata", "https://api.example", environ=environ)
        assert "\n" not in str(caught.value)
    monkeypatch.setenv("GCE_METADATA_HOST", host)
    deployment.answers[path] = TOKEN.encode()
    code, evidence, err = run(submit_token="metadata", auditor_token="metadata")
    assert code == FINE
    assert "t0ken" not in json.dumps(evidence) + err
    deployment.answers[path] = 503
    deployment.seen.clear()
    asked = Asked(
        submit=deployment.url,
        auditor=deployment.url,
        key=deployment.key,
        submit_token="metadata",
    )
    assert command.smoke(deployment.folder, asked, clock=FakeClock()) == UNREACHABLE
    assert [path] == [one.partition("?")[0] for _, one, _ in deployment.seen]
