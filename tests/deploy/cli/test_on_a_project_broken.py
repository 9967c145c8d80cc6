"""Commands in a job when something is wrong that nobody thought of, or was set wrong by hand."""

import io
import shutil
from datetime import timedelta

import pytest

from deploy.cloudrun.settings import PlatformSettings
from shared.keys.files import FileKeyring
from shared.keys.vault import Vault
from shared.objects.gcs import GcsObjects
from shared.settings import SettingsError
from shared.worker import names
from tests.deploy.cli.projects import KEY, Project, as_a_job, project
from tests.deploy.conftest import Docledger, Ran
from tests.emulators.kms import KEK
from tests.shared.objects.json_api import BUCKET

__all__ = ["project"]

pytestmark = [pytest.mark.integration, pytest.mark.enable_socket]

NAME = "Zeugnis-Aurelia-Rosenquast.pdf"


@pytest.fixture
def broken(project: Project, ran: Ran) -> tuple[str, ...]:
    """Give a command that meets a result which no code of ours writes, about a file of a name."""
    row = ran.row("mail-with-attachments.eml")
    name = names.intake(str(row["job_id"]))
    del project.api.objects[name]
    store = GcsObjects(BUCKET, kms_key_name=KEY)
    vault = Vault(store, FileKeyring(project.docledger.data / "keys"))
    vault.store(name, str(row["document_id"]), f'[]\n{{"source_name": ["{NAME}"]}}'.encode())
    store.close()
    return ("erase", str(row["document_id"]), "--yes")


def test_what_nobody_expected_is_one_line_in_a_job(
    broken: tuple[str, ...], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback quotes what could not be parsed, and a job's is in Cloud Logging for weeks."""
    as_a_job(monkeypatch)
    monkeypatch.setattr("deploy.cli.command.JOB", "HOME_OF_A_JOB")
    told = project.docledger(*broken)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith("docledger: broke off: ValidationError at ")
    assert NAME not in told.err


def test_a_person_sees_it_whole(broken: tuple[str, ...], project: Project) -> None:
    """At a screen of one's own a traceback is what helps."""
    with pytest.raises(ValueError, match=NAME):
        project.docledger(*broken)


def test_a_question_that_nobody_answers_is_an_answer_in_a_job(
    project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sits before a job: it must not wait, nor erase."""
    as_a_job(monkeypatch)
    monkeypatch.setattr("deploy.cli.command.JOB", "HOME_OF_A_JOB")
    monkeypatch.setattr("sys.stdin", io.StringIO())
    before = dict(project.api.objects)
    told = project.docledger("erase", ran.row("invoice-once.pdf")["document_id"])
    assert told.code == 1
    assert told.err.endswith("nothing was done\n")
    assert project.api.objects == before


def test_an_erasure_that_nobody_heard_of_is_found_after_its_time(
    project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before it told: register and books would say for ever that the document is there."""
    monkeypatch.setattr("deploy.cli.erase.PROJECT_WAIT_S", 0.0)
    monkeypatch.setattr(Project, "publish", lambda _project, _events: None)
    document = ran.row("invoice-once.pdf")["document_id"]
    assert project.docledger("erase", document, "--yes").code == 0
    assert project.docledger("audit").code == 0  # it may still be on its way
    monkeypatch.setattr("deploy.local.audit.UNTOLD", timedelta(0))
    told = project.docledger("audit", "--format", "json")
    assert told.code == 1
    assert [(row["document_id"], row["code"], row["detail"]) for row in told.rows] == [
        (document, "event_missing", "docledger.document.erased.v1")
    ]


@pytest.mark.parametrize("words", [("show",), ("migrate",)], ids=" ".join)
@pytest.mark.parametrize("said", ["DOCLEDGER_PROJECT", "HOME_OF_A_JOB"])
def test_a_file_never_passes_for_what_was_migrated(
    said: str, words: tuple[str, ...], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release whose job lost its settings would go on over tables that nobody migrated."""
    monkeypatch.delenv("DOCLEDGER_PROJECT")
    monkeypatch.setattr("deploy.cli.opened.JOB", "HOME_OF_A_JOB")
    monkeypatch.setenv(said, "docledger-test")
    fresh = Docledger(project.docledger.data.parent / "fresh", project.docledger.files)
    told = fresh("database", *words)
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "DOCLEDGER_REGISTER_DATABASE is not set" in told.err
    assert not fresh.data.exists()


@pytest.mark.parametrize(
    "words",
    [("keys", "show"), ("keys", "rewrap", "--destroy-old"), ("erase", "{id}", "--yes"), ("audit",)],
    ids=" ".join,
)
def test_no_folder_passes_for_the_bucket_of_keys(
    words: tuple[str, ...], project: Project, ran: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an empty one no key needs the old versions, and every document's is destroyed already."""
    shutil.rmtree(project.docledger.data / "keys")
    monkeypatch.setenv("DOCLEDGER_KMS_KEK", KEK)
    before = dict(project.api.objects)
    document = str(ran.row("invoice-once.pdf")["document_id"])
    told = project.docledger(*(word.replace("{id}", document) for word in words))
    assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
    assert "DOCLEDGER_KMS_KEYS_BUCKET is not set" in told.err
    assert not (project.docledger.data / "keys").exists()
    assert (project.api.objects, project.published) == (before, [])


@pytest.mark.parametrize("bucket", ["../x", "gs://docledger", "UPPER", "ends-", "x"])
def test_a_bucket_that_is_none_is_a_setting_that_is_wrong(bucket: str) -> None:
    """Google's client would end in a traceback, after the first half of the work."""
    with pytest.raises(SettingsError, match="DOCLEDGER_OBJECTS_BUCKET"):
        PlatformSettings.from_environment(
            {
                "DOCLEDGER_PROJECT": "acme-prod",
                "DOCLEDGER_OBJECTS_BUCKET": bucket,
                "DOCLEDGER_DATA_DIR": "/tmp/x",
            }
        )
