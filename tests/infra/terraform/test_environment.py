"""What Terraform tells each deployable, read as the deployable reads it."""

import json
import re
from typing import Any, Final
from urllib.parse import unquote

import pytest

from deploy.cli.settings import OF_THE_COMMAND, SETTINGS
from deploy.cloudrun.api import APIS
from deploy.cloudrun.deployables import NAMES
from deploy.cloudrun.settings import PlatformSettings
from services.ingest.api_settings import IngestApiSettings
from services.ingest.erasure_settings import ErasureSettings
from services.ingest.policy import Policy
from services.ingest.settings import EntranceSettings, IngestSettings, RegisterSettings
from services.ledger.api_settings import LedgerApiSettings
from services.ledger.settings import LedgerSettings, LogPlaceSettings
from services.ocr.processors import Kind
from services.ocr.settings import OcrSettings
from services.summarize.settings import SummarizerSettings, SummarizeSettings
from services.summarize.vertex_settings import VertexSettings
from shared.bus.topology import TOPOLOGY_FILE, load_topology
from shared.clock import FakeClock
from shared.keys.settings import KmsSettings
from shared.logging.settings import LogSettings
from shared.secrets.settings import SecretsSettings
from shared.secrets.value import SecretValue
from shared.settings import Settings, unknown_variables
from shared.telemetry.exporters import TelemetrySettings
from shared.worker.push_settings import PushSettings, authenticator_for
from tests.infra.terraform.configuration import TERRAFORM, module
from tests.infra.terraform.planned import VARIABLES, copied, run

EVERYONE: Final[tuple[type[Settings], ...]] = (
    PlatformSettings,
    TelemetrySettings,
    LogSettings,
    KmsSettings,
    SecretsSettings,
)

OWN: Final[dict[str, tuple[type[Settings], ...]]] = {
    "entrance": (EntranceSettings, PushSettings),
    "ingest": (IngestSettings, RegisterSettings, PushSettings),
    "register": (RegisterSettings, PushSettings),
    "eraser": (RegisterSettings, ErasureSettings, PushSettings),
    "ocr": (OcrSettings, PushSettings),
    "summarize": (SummarizeSettings, SummarizerSettings, VertexSettings, PushSettings),
    "ledger": (LedgerSettings, PushSettings),
    "sequencer": (LedgerSettings, LogPlaceSettings, PushSettings),
    "ingest-api": (IngestApiSettings, RegisterSettings),
    "ledger-api": (LedgerApiSettings, LogPlaceSettings),
}

PROCESSORS: Final = ",".join(
    f"{kind}=projects/p/locations/europe-west3/processors/{kind[:3]}"
    for kind in ("ocr", "invoice", "expense", "bank_statement")
)

Services = dict[str, dict[str, Any]]


class Tokens:
    """Secret Manager, with one token in every pinned version."""

    def read(self, name: str) -> SecretValue:
        """Return it."""
        assert re.fullmatch(r"projects/[\w-]+/secrets/[\w-]+/versions/[0-9]+", name)
        return SecretValue(b"t" * 32)


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Have Terraform work out what the two files mean; no provider is needed for it."""
    folder = copied(tmp_path_factory.mktemp("facts")) / "modules" / "facts"
    given = {name: VARIABLES[name] for name in ("project", "number", "origin", "token_versions")}
    more = {name: VARIABLES[name] for name in ("external", "callers", "readers", "retention")}
    variables = {**given, **more, "region": "europe-west3", "tenant": "default"}
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables), encoding="utf-8")
    for arguments in (("init", "-backend=false"), ("apply", "-auto-approve", "-input=false")):
        done = run(folder, *arguments)
        assert done.returncode == 0, done.stderr
    told = json.loads(run(folder, "output", "-json").stdout)
    return {name: its["value"] for name, its in told.items()}


@pytest.fixture(scope="module")
def services(facts: dict[str, Any]) -> Services:
    told: Services = facts["services"]
    # Names that only Google knows are added where processors are made (modules/docledger).
    told["ocr"]["environment"]["DOCLEDGER_OCR_PROCESSORS"] = PROCESSORS
    return told


@pytest.fixture(scope="module")
def run_jobs(facts: dict[str, Any]) -> Services:
    jobs: Services = facts["run_jobs"]
    return jobs


def test_every_deployable_has_a_service(services: Services) -> None:
    """One that was forgotten would leave its subscriptions pushing at nobody."""
    assert services.keys() == {*NAMES, *APIS} == OWN.keys()


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_deployable_reads_everything_that_it_is_told(services: Services, name: str) -> None:
    """A variable with a wrong name is a default that nobody wanted; a wrong value stops a start."""
    environment = services[name]["environment"]
    known = (*EVERYONE, *OWN[name])
    assert unknown_variables(known, environment) == []
    for settings in known:
        settings.from_environment(environment)


@pytest.mark.parametrize("name", NAMES)
def test_a_worker_lets_its_callers_in_and_tells_so(services: Services, name: str) -> None:
    """A worker that could let nobody in does not start: what it is told must be enough."""
    environment = services[name]["environment"]
    subscriptions = load_topology(TOPOLOGY_FILE).subscriptions
    heard = [one for one, its in subscriptions.items() if its.worker == name]
    jobs = ["any"] if "DOCLEDGER_PUSH_JOB_ACCOUNT" in environment else []
    authenticator_for(heard, jobs, clock=FakeClock(), secrets=Tokens, environ=environment)
    settings = PushSettings.from_environment(environment)
    assert len(set(settings.accounts.values())) == 2 * len(heard)
    assert environment["FUNCTION_TARGET"] == name
    assert services[name]["concurrency"] == settings.concurrency


def test_deployables_with_jobs_know_who_starts_them(services: Services, facts: Any) -> None:
    """Both versions of the token are valid while it is exchanged; the scheduler sends the last."""
    started = {name.partition("-")[0] for name in facts["jobs"]}
    for name in NAMES:
        settings = PushSettings.from_environment(services[name]["environment"])
        assert bool(settings.job_account) == (name in started), name
        assert len(settings.job_tokens) == (2 if name in started else 0), name


def test_a_command_reads_everything_that_it_is_told(run_jobs: Services) -> None:
    """One that falls back to a default works on an empty folder, and says that all is well."""
    known: tuple[type[Settings], ...] = (*SETTINGS, PlatformSettings, TelemetrySettings)
    for job in ("operate", "erase", "keys"):
        environment = run_jobs[job]["environment"]
        unknown = [line.split()[0] for line in unknown_variables(known, environment)]
        assert {*unknown} <= OF_THE_COMMAND, job
        for settings in known:
            settings.from_environment(environment)
        assert PlatformSettings.from_environment(environment).project == VARIABLES["project"]
        assert LedgerSettings.from_environment(environment).origin == VARIABLES["origin"]
        assert environment["DOCLEDGER_ENVIRONMENT"] == "production"


def test_a_command_that_nobody_said_more_to_changes_nothing(run_jobs: Services) -> None:
    """Whoever starts a job without arguments, to see what it does, must be able to."""
    assert {name: its["arguments"] for name, its in run_jobs.items()} == {
        "migrate": ["database", "migrate"],
        "operate": ["status"],
        "erase": ["retention", "--dry-run"],
        "keys": ["keys", "show"],
    }


def test_only_who_migrates_is_told_of_the_databases_alone(run_jobs: Services) -> None:
    """The owner of the tables has no business with objects or keys."""
    assert run_jobs["migrate"]["environment"].keys() == {
        "DOCLEDGER_REGISTER_DATABASE",
        "DOCLEDGER_LEDGER_DATABASE",
    }
    for its in run_jobs.values():
        for variable, value in its["environment"].items():
            if variable.endswith("_DATABASE"):
                assert its["account"].removesuffix(".gserviceaccount.com") in unquote(value)


def test_nobody_is_told_of_what_he_may_not_use(services: Services, run_jobs: Services) -> None:
    """The name of a key, a bucket or a database is the beginning of its use."""
    told = {name: its["environment"] for name, its in services.items()}
    told |= {f"{name} (job)": its["environment"] for name, its in run_jobs.items()}
    jobs = {"operate (job)", "erase (job)", "keys (job)"}

    def who(variable: str) -> set[str]:
        return {name for name, environment in told.items() if variable in environment}

    assert who("DOCLEDGER_KMS_SIGNERS") == {"sequencer", *jobs}
    assert who("DOCLEDGER_ENTRANCE_BUCKETS") == {"entrance"}
    assert who("DOCLEDGER_LEDGER_DATABASE") == {"ledger", "sequencer", "migrate (job)", *jobs}
    assert who("DOCLEDGER_REGISTER_DATABASE") == {
        *("ingest", "register", "eraser", "ingest-api"),
        *("migrate (job)", "operate (job)", "erase (job)"),
    }
    assert who("DOCLEDGER_LEDGER_API_JOURNAL") == {"ledger-api"}
    assert who("DOCLEDGER_OCR_BATCHES_BUCKET") == {"ocr"}
    assert who("DOCLEDGER_LEDGER_LOG_BUCKET") == {"sequencer", "ledger-api", *jobs}
    assert who("DOCLEDGER_LEDGER_LOG_KMS_KEY") == {"sequencer", "ledger-api", *jobs}
    assert who("DOCLEDGER_ERASURE_BACKUP_DAYS") == {"eraser", "erase (job)"}


def test_logs_are_published_in_their_bucket_under_their_key(services: Services) -> None:
    """A folder of a container ends with it; a log never does."""
    places = {
        (its.bucket, its.kms_key)
        for name in ("sequencer", "ledger-api")
        for its in [LogPlaceSettings.from_environment(services[name]["environment"])]
    }
    ((bucket, key),) = places
    assert bucket == f"{VARIABLES['project']}-log"
    assert key is not None
    assert key.endswith("/keyRings/docledger/cryptoKeys/log")
    folders = {its["environment"]["DOCLEDGER_DATA_DIR"] for its in services.values()}
    assert folders == {"/tmp/docledger"}


def test_the_eraser_is_told_of_the_policy_as_it_was_written(services: Services) -> None:
    """What the eraser's container has no file for is in its variable, and in nobody else's."""
    said = {
        name: policy
        for name, its in services.items()
        if (policy := ErasureSettings.from_environment(its["environment"]).policy) is not None
    }
    assert said.keys() == {"eraser"}
    assert Policy.read(said["eraser"]) == Policy.model_validate(VARIABLES["retention"])


def test_no_unsafe_setting_and_no_password_is_told(services: Services) -> None:
    """What opens doors on a laptop must not reach production."""
    for its in services.values():
        assert not [name for name in its["environment"] if "UNSAFE" in name]
        assert its["environment"]["DOCLEDGER_ENVIRONMENT"] == "production"
        for value in its["environment"].values():
            assert not re.match(r"postgresql://[^@]*:[^@]*@", value)


def test_every_kind_of_processor_is_made(facts: dict[str, Any]) -> None:
    """A kind that ocr knows and nobody makes is never asked."""
    assert facts["processors"].keys() == set(Kind.__args__)  # type: ignore[attr-defined]


def test_facts_need_no_provider() -> None:
    """Else they could not be worked out where there is no registry."""
    facts = module(TERRAFORM / "modules" / "facts")
    assert {block.kind for block in facts.blocks} == {"locals", "output", "terraform", "variable"}
    assert "required_providers" not in str(facts.of("terraform"))
