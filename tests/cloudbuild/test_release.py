"""Releases and rollbacks as the builds run them, over a gcloud that keeps its state in files."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.iam.stated import load_stated
from tests.cloudbuild.rules import FOLDER, build_of
from tests.cloudbuild.test_builds import trigger_of

SHA = "0123456789abcdef0123456789abcdef01234567"
NEW = "r0123456-6a5b4c3d"
API = "docledger-ingest-api"
SERVICES = {"docledger-ledger": "ledger", "docledger-ingest-api": "ingest"}
IMAGES = ("ingest", "ledger", "operator")


Others = Callable[[], object]

ROLLBACK = trigger_of("rollback.yaml")["substitutions"]


class Project:
    """Two services that serve an old revision, and images of one commit."""

    def __init__(self, folder: Path) -> None:
        self.meanwhile: dict[
            str, Callable[[], object]
        ] = {}  # what others do, by the step it precedes
        self.fake = folder / "fake"
        self.source = folder / "source"
        for name in ("traffic", "before", "revisions", "tags"):
            (self.fake / name).mkdir(parents=True)
        (folder / "bin").mkdir()
        gcloud = folder / "bin" / "gcloud"
        shutil.copy(Path(__file__).with_name("gcloud.sh"), gcloud)
        gcloud.chmod(0o755)
        (folder / "bin" / "docker").symlink_to(gcloud)
        shutil.copytree(FOLDER, self.source / "cloudbuild")
        lines = (FOLDER / "services.txt").read_text().splitlines()
        kept = [line for line in lines if line.split()[0] in SERVICES]
        (self.source / "cloudbuild/services.txt").write_text("\n".join(kept) + "\n")
        for service in SERVICES:
            (self.fake / "traffic" / service).write_text(f"\ttagged\n100\t{service}-old\n")
            (self.fake / "revisions" / f"{service}-old").write_text("True")
        for at, image in enumerate(IMAGES):
            (self.fake / "tags" / image).write_text(f"built-{SHA}\tsha256:{at}{'5e' * 31}a\n")
        self._path = f"{folder / 'bin'}:/usr/bin:/bin"

    def run(self, name: str, **substitutions: str) -> str:
        """Run a build; return the step that failed, or nothing."""
        build = build_of(name)
        environ = {**build["substitutions"], **substitutions, "PROJECT_ID": "docledger-test"}
        for step in build["steps"]:
            self.meanwhile.pop(str(step["id"]), lambda: None)()
            done = subprocess.run(
                ["/bin/bash", "-c", step["script"]],
                env={
                    **environ,
                    "PATH": self._path,
                    "FAKE": str(self.fake),
                    "COMMIT_SHA": SHA,
                    "BUILD_ID": "6a5b4c3d-0000-0000-0000-000000000000",
                },
                cwd=self.source,
                capture_output=True,
                text=True,
                check=False,
            )
            self.told = done.stderr
            if done.returncode:
                assert done.returncode == 1, done.stderr
                return str(step["id"])
        return ""

    def release(self, environment: str = "staging") -> str:
        """Release as an environment's trigger does."""
        return self.run(
            "release.yaml", **trigger_of(f"release-{environment}.yaml")["substitutions"]
        )

    def fails(self, *lines: str) -> None:
        """Make calls fail from now on."""
        (self.fake / "fails").write_text("".join(f"{line}\n" for line in lines))

    def changes(self) -> list[str]:
        """Return every change, in order."""
        file = self.fake / "changes"
        return file.read_text().splitlines() if file.exists() else []

    def serving(self) -> set[str]:
        """Return each service's traffic."""
        return {
            line.replace("\t", "% ")
            for service in SERVICES
            for line in (self.fake / "traffic" / service).read_text().splitlines()
            if not line.startswith("\t")
        }

    def tags(self, image: str) -> list[str]:
        """Return an image's tags."""
        lines = (self.fake / "tags" / image).read_text().splitlines()
        return [line.split("\t")[0] for line in lines]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a project."""
    return Project(tmp_path)


JOBS = load_stated().run_jobs
COMMANDS = [f"renew {its.name} command" for name, its in JOBS.items() if name != "migrate"]
OLD = {f"100% {service}-old" for service in SERVICES}
DONE = {f"100% {service}-{NEW}" for service in SERVICES}


def test_release_migrates_deploys_and_moves_traffic_in_three_steps(project: Project) -> None:
    """Each share is tried before the next, and who hears moves before who speaks."""
    assert project.release() == ""
    changes = project.changes()
    assert changes[:2] == [
        "renew docledger-migrate command",
        "run docledger-migrate",
    ]
    assert [line.split("@")[0] for line in changes[2:4]] == [
        "deploy docledger-ledger ledger a/b/c/ledger",
        "deploy docledger-ingest-api ingest-api a/b/c/ingest",
    ]
    moves = [line for line in changes if line.startswith(("traffic", "smoke"))]
    smoked = ["smoke"] * 3
    expected = []
    for percent in (5, 50, 100):
        for service in SERVICES:
            rest = f",{service}-old={100 - percent}" if percent < 100 else ""
            expected.append(f"traffic {service} {service}-{NEW}={percent}{rest}")
        expected += smoked
    assert moves == expected
    assert project.serving() == DONE
    assert [line for line in changes[2:] if line.startswith("renew")] == COMMANDS
    assert changes.index(COMMANDS[0]) > changes.index(f"traffic {API} {API}-{NEW}=100")
    assert all(project.tags(image)[-1] == f"rehearsed-{SHA}" for image in IMAGES)


def test_job_that_keeps_older_commands_is_told_and_moves_no_traffic_back(project: Project) -> None:
    """The release is well; whoever is on call at night must know that the command is not of it."""
    project.fails("renew docledger-erase")
    assert project.release() == "commands"
    assert "docledger-erase has the commands of an older release still" in project.told
    assert project.serving() == DONE
    assert project.tags("ledger") == [f"built-{SHA}"]


def test_production_refuses_what_staging_did_not_pass(project: Project) -> None:
    """An approval by itself lets nothing through that was never tried."""
    assert project.release("production") == "images"
    assert f"no image ingest:rehearsed-{SHA}" in project.told
    assert project.changes() == []
    assert project.release("staging") == ""


def test_failed_migration_ends_the_release_before_anything_is_deployed(project: Project) -> None:
    """The old code goes on with the old tables."""
    project.fails("run docledger-migrate")
    assert project.release() == "migrate"
    assert project.changes()[-1] == "run docledger-migrate"
    assert project.serving() == OLD


@pytest.mark.parametrize(
    ("fault", "step"),
    [
        ("smoke after 2", "check-5"),
        ("smoke after 4", "check-50"),
        ("smoke after 6", "check-100"),
        (f"ready {API}-{NEW}", "check-5"),
        (f"traffic {API} {API}-{NEW}=50,{API}-old=50", "traffic-50"),
    ],
)
def test_what_fails_goes_back_by_itself(project: Project, fault: str, step: str) -> None:
    """At three in the morning nobody should have to think; and production never sees it."""
    project.fails(fault)
    assert project.release() == step
    assert "all traffic is back where it was" in project.told
    assert project.serving() == OLD
    assert project.tags("ledger") == [f"built-{SHA}"]


def test_service_that_does_not_go_back_keeps_no_other_and_is_told(project: Project) -> None:
    """One stuck service must not leave nine on a release that failed."""
    project.fails(
        "smoke after 4",
        "traffic docledger-ingest-api docledger-ingest-api-old=100",
    )
    assert project.release() == "check-50"
    assert "NOT everything went back" in project.told
    assert "100% docledger-ledger-old" in project.serving()


def test_release_waits_for_the_one_before_to_be_finished(project: Project) -> None:
    """Between two revisions there is no one revision to go back to."""
    share = "50\tdocledger-ingest-api-old\n50\tdocledger-ingest-api-older\n"
    (project.fake / "traffic" / "docledger-ingest-api").write_text(share)
    assert project.release() == "deploy"
    assert "docledger-ingest-api is between two releases" in project.told
    assert not [line for line in project.changes() if line.startswith(("deploy", "traffic"))]


@pytest.mark.parametrize("step", ["traffic-50", "traffic-100"])
def test_rollback_is_not_undone_by_the_release_that_still_runs(project: Project, step: str) -> None:
    """On-call rolls back first and looks for the build after: its next step must not go on."""
    aside = project.source / "aside"

    def rolled_back() -> None:
        (project.source / "release").rename(aside)  # another build, in a workspace of its own
        assert project.run("rollback.yaml", **ROLLBACK) == ""
        shutil.rmtree(project.source / "release")
        aside.rename(project.source / "release")

    project.meanwhile[step] = rolled_back
    assert project.release() == step
    assert "somebody else releases, or rolled back" in project.told
    assert project.serving() == OLD


def test_of_two_releases_at_once_one_ends_before_it_moves_anything(project: Project) -> None:
    """Each would send the other's share back, and every service would serve another release."""
    service = project.fake / "traffic" / "docledger-ingest-api"
    other = "5\tdocledger-ingest-api-other\n95\tdocledger-ingest-api-old\n"
    project.meanwhile["traffic-5"] = lambda: service.write_text(other)
    assert project.release() == "traffic-5"
    assert not [line for line in project.changes() if line.startswith("traffic")]
    assert service.read_text() == other


def test_rollback_gives_the_release_before_all_traffic_and_changes_no_table(
    project: Project,
) -> None:
    """Who speaks goes first; then documents are sent through."""
    assert project.release() == ""
    before = len(project.changes())
    assert project.run("rollback.yaml", **ROLLBACK) == ""
    assert project.serving() == OLD
    assert project.changes()[before:] == [
        *(f"traffic {service} {service}-old=100" for service in reversed(SERVICES)),
        *["smoke"] * 3,
    ]


def test_rollback_that_would_do_nothing_says_so(project: Project) -> None:
    """After the first one, on-call must learn to name a release, not believe that it worked."""
    assert project.release() == ""
    assert project.run("rollback.yaml", **ROLLBACK) == ""
    assert project.run("rollback.yaml", **ROLLBACK) == "back"
    assert "serves already: name an older release" in project.told
    assert project.run("rollback.yaml", **ROLLBACK, _TO=NEW) == ""
    assert project.serving() == DONE


def test_rollback_to_what_is_gone_touches_nothing(project: Project) -> None:
    """Half of the services on one release and half on another is worse than either."""
    assert project.release() == ""
    (project.fake / "revisions" / "docledger-ingest-api-old").unlink()
    assert project.run("rollback.yaml", **ROLLBACK) == "back"
    assert "there is no revision docledger-ingest-api-old any more" in project.told
    assert project.serving() == DONE


def test_step_that_is_none_is_refused(project: Project) -> None:
    """A misspelt step must not pass as one that had nothing to do."""
    done = subprocess.run(
        ["/bin/bash", FOLDER / "release.sh", "restore"], capture_output=True, check=False
    )
    assert done.returncode == 1
    assert b"no step 'restore'" in done.stderr
    assert project.changes() == []
