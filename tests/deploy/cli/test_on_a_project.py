"""The commands where everything is on a project's servers, as a Cloud Run job sees it."""

import shutil
from typing import Final

import pytest

from tests.deploy.cli.projects import Project, as_a_job, project, quarantined
from tests.deploy.conftest import HOSTILE_NAME, Ran

__all__ = ["project"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

FOR_A_PERSON: Final = (
    ("show", "{id}"),
    ("journal",),
    ("balance",),
    ("export", "--to", "csv"),
    ("proof", "{id}"),
    ("held", "list"),
    ("held", "post", "{id}", "--total", "1.00"),
    ("held", "void", "{id}"),
    ("reverse", "{id}"),
    ("proposals", "list"),
    ("proposals", "approve", "0123456789"),
    ("fx", "post", "{id}", "--rate", "1", "--source", "ECB", "--date", "2026-01-31"),
    ("period", "list"),
    ("period", "close", "2026-06"),
    ("audit", "--sweep"),
)


def test_the_same_is_told_as_of_a_folder(project: Project, ran: Ran) -> None:
    """Whoever is on call reads one manual."""
    here, there = ran.docledger("status", "--format", "json"), project.docledger
    told = there("status", "--format", "json")
    assert (told.code, told.err) == (0, "")
    for name in ("submissions", "documents", "posted", "held", "quarantined", "in_flight"):
        assert told.rows[0][name] == here.rows[0][name]
    document = ran.row("invoice-once.pdf")["document_id"]
    traced = there("trace", document, "--format", "json")
    assert [row["span_id"] for row in traced.rows] == [
        row["span_id"] for row in ran.docledger("trace", document, "--format", "json").rows
    ]
    listed = there("quarantine", "list", "--format", "json").rows
    assert listed == ran.docledger("quarantine", "list", "--format", "json").rows
    audited = there("audit")
    assert (audited.code, audited.err) == (0, "")


def test_an_audit_finds_what_is_missing_from_the_bucket(project: Project, ran: Ran) -> None:
    """An audit that sees the folder alone would find nothing."""
    document = ran.row("invoice-once.pdf")["document_id"]
    del project.api.objects[f"originals/{document}"]
    told = project.docledger("audit", "--format", "json")
    assert told.code == 1
    assert [(row["document_id"], row["code"]) for row in told.rows] == [
        (document, "original_missing")
    ]


def test_a_replay_is_published_and_left_to_the_deployables(project: Project, ran: Ran) -> None:
    """The record stays until a worker takes the replay: what gets lost on its way waits here."""
    document = quarantined(ran)
    told = project.docledger("quarantine", "replay", document)
    assert (told.code, told.err) == (0, "")
    assert "sent again" in told.out
    (event,) = project.published
    assert event.replay == 1
    assert event.jobid == ran.row("corrupt.pdf")["job_id"]
    assert [one for one in project.api.objects if one.endswith(".replayed")] == []


def test_an_erasure_is_told_to_the_deployables(
    project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key and the objects are gone at once; the entry that says so is somebody else's work."""
    monkeypatch.setattr("deploy.cli.erase.PROJECT_WAIT_S", 0.0)
    document = ran.row("invoice-once.pdf")["document_id"]
    (row,) = project.docledger("erase", document, "--yes", "--format", "json").rows
    assert (row["key_gone"], row["pending"]) == (True, True)
    assert f"originals/{document}" not in project.api.objects
    assert any(name.startswith(f"tombstones/{document}") for name in project.api.objects)
    assert [one.type.value for one in project.published] == ["docledger.document.erased.v1"]


@pytest.mark.parametrize("words", FOR_A_PERSON, ids=" ".join)
def test_a_job_neither_shows_content_nor_decides(
    words: tuple[str, ...], project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a job is told and prints is logged, and ``--by`` is whatever somebody types."""
    as_a_job(monkeypatch)
    document = ran.row("invoice-wrong-total.pdf")["document_id"]
    before = dict(project.api.objects)
    told = project.docledger(*(word.replace("{id}", document) for word in words))
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "not for a job" in told.err
    assert (project.api.objects, project.published) == (before, [])


def test_a_job_shows_no_names_of_files(
    project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file's name says who sent whom what."""
    as_a_job(monkeypatch)
    email = ran.row("mail-with-attachments.eml")["document_id"]
    said = [
        project.docledger(*words, width=400).out
        for words in (
            ("status",),
            ("audit",),
            ("trace", email),
            ("trace", email, "--format", "json"),
            ("quarantine", "list"),
            ("quarantine", "list", "--format", "json"),
            ("quarantine", "show", quarantined(ran)),
            ("quarantine", "replay", quarantined(ran)),
        )
    ]
    assert all(said)
    names = [path.name for path in ran.docledger.files.iterdir()]
    attached = [row["source"].rpartition("#")[2] for row in ran.rows if "#" in row["source"]]
    assert attached
    for name in (*names, *attached, HOSTILE_NAME.split()[0]):
        assert not any(name in one for one in said), name


@pytest.mark.parametrize(
    ("gone", "variable", "words"),
    [
        ("register.sqlite", "DOCLEDGER_REGISTER_DATABASE", ("status",)),
        ("ledger.sqlite", "DOCLEDGER_LEDGER_DATABASE", ("audit",)),
        ("keys", "DOCLEDGER_KMS_KEK", ("audit",)),
        ("signers", "DOCLEDGER_KMS_SIGNERS", ("audit",)),
        ("log", "DOCLEDGER_LEDGER_LOG_BUCKET", ("audit",)),
    ],
)
def test_what_a_project_has_is_never_made_anew(
    gone: str, variable: str, words: tuple[str, ...], project: Project
) -> None:
    """An empty register, made on the spot, would say that all is well."""
    path = project.docledger.data / gone
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    told = project.docledger(*words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert variable in told.err
    assert not path.exists()


@pytest.mark.parametrize("words", [("run", "{file}"), ("up",)], ids=" ".join)
def test_nobody_works_in_a_folder_by_mistake(
    words: tuple[str, ...], project: Project, ran: Ran
) -> None:
    """Documents that somebody meant for the project would lie on a laptop."""
    file = str(ran.docledger.file("invoice-once.pdf"))
    told = project.docledger(*(word.replace("{file}", file) for word in words))
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "DOCLEDGER_PROJECT" in told.err


def test_a_tenant_is_named_where_there_are_several(project: Project, ran: Ran) -> None:
    """Ids are of one tenant; another's documents are not found by chance."""
    document = ran.row("invoice-once.pdf")["document_id"]
    assert project.docledger("--tenant", "default", "trace", document[:8]).code == 0
    told = project.docledger("--tenant", "other", "trace", document[:8])
    assert (told.code, told.err.count("\n")) == (2, 1)
    file = ran.docledger.file("invoice-once.pdf")
    assert project.docledger("trace", file).code == 0
    before = {path.name for path in (project.docledger.data / "keys").rglob("*")}
    told = project.docledger("--tenant", "other", "trace", file)
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "no tenant" in told.err
    assert {path.name for path in (project.docledger.data / "keys").rglob("*")} == before
    (row,) = project.docledger("--tenant", "other", "status", "--format", "json").rows
    assert row["documents"] == 0


def test_spans_that_go_elsewhere_are_said_to(
    project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trace without hops would look as if nothing had ever happened."""
    monkeypatch.setenv("DOCLEDGER_TRACES", "otlp")
    told = project.docledger("trace", ran.row("invoice-once.pdf")["document_id"])
    assert (told.code, told.err.count("\n")) == (2, 1)
    assert "DOCLEDGER_TRACES=otlp" in told.err
