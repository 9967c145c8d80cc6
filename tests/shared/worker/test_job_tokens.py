"""The token of internal jobs: beside the scheduler's identity, exchanged without a restart."""

import hmac
from pathlib import Path

import pytest

from shared.clock import FakeClock
from shared.errors import TransientError, UserError
from shared.logging import get_logger
from shared.secrets.cache import CachedSecrets
from shared.secrets.embedded import EnvironmentSecrets
from shared.secrets.port import SecretUnusableError
from shared.secrets.value import SecretValue
from shared.telemetry.registry import MemoryMetrics
from shared.worker.authentication import (
    UNSAFE_VARIABLE,
    ForbiddenError,
    UnauthenticatedError,
    UnsafeNoAuth,
)
from shared.worker.built import nothing
from shared.worker.job_tokens import HEADER, JobTokens, WithJobTokens
from shared.worker.jwks import KeySet
from shared.worker.oidc import OidcAuthenticator
from shared.worker.push_settings import authenticator_for
from shared.worker.web import Request, Service
from tests.shared.worker.tokens import AUDIENCE, KeyServer, bearer, token

OLD = "0ld-t0ken-" + "x" * 40
NEW = "n3w-t0ken-" + "y" * 40
SCHEDULER = "scheduler@example"
JOB = "/internal/jobs/sweep"


class House:
    """A worker with a job, its tokens in two files, as the settings put it together."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.files = (folder / "7", folder / "8")
        self.files[0].write_text(OLD)
        self.told: list[Exception] = []
        self.lines: list[str] = []
        self.ran = 0
        self.metrics = MemoryMetrics()
        secrets = CachedSecrets(
            EnvironmentSecrets({}), clock=self.clock, tell=self.told.append, refresh_s=60
        )
        self.tokens = JobTokens(secrets, [f"file:{path}" for path in self.files])
        oidc = OidcAuthenticator(
            audience=AUDIENCE,
            accounts={"jobs/sweep": SCHEDULER, "s": "pusher@example"},
            keys=KeySet(KeyServer(), clock=self.clock),
            clock=self.clock,
        )
        self.door = WithJobTokens(oidc, self.tokens)
        self.service = Service(
            name="entrance",
            receivers={},
            authenticator=self.door,
            checks={},
            metrics=self.metrics,
            jobs={"sweep": self._job},
            log=get_logger("entrance", sink=self.lines.append),
            clock=self.clock,
            concurrency=2,
            close=nothing,
            flush=nothing,
        )

    def _job(self) -> None:
        self.ran += 1

    def start(self, brought: str | None, email: str | None = SCHEDULER) -> int:
        """Start the job with a token, as somebody; return the status."""
        headers = bearer(token(self.clock, email=email)) if email else {}
        if brought is not None:
            headers[HEADER] = brought
        return self.service.respond(Request("POST", JOB, headers, b"")).status

    @property
    def shown(self) -> str:
        """All that anybody may look at."""
        figures = self.service.respond(Request("GET", "/metrics", {}, b"")).body.decode()
        ready = self.service.respond(Request("GET", "/ready", {}, b"")).body.decode()
        objects = (self.tokens, self.door, vars(self.tokens), vars(self.door), self.told)
        return "\n".join([figures, ready, *self.lines, *map(repr, objects)])


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Give one."""
    return House(tmp_path)


def test_the_scheduler_with_the_token_starts_the_job(house: House) -> None:
    """Without this every test below would pass on a closed door."""
    assert (house.start(OLD), house.ran) == (204, 1)


@pytest.mark.parametrize(
    "brought",
    [
        None,
        "",
        NEW,
        OLD[:-1],
        OLD + "x",
        OLD.upper(),
        f" {OLD}",
        f"{OLD}\n",
        f"{OLD},{OLD}",
        "é" * 50,
        "\udcff" * 50,
        OLD[:-1] + "\N{SMALL ROMAN NUMERAL TEN}",
        OLD + "\x00",
        "x" * 10_000_000,
    ],
    ids=lambda brought: ascii(brought)[:20],
)
def test_without_the_token_it_is_401(house: House, brought: str | None) -> None:
    """The attack: the scheduler's identity, stolen or borrowed; and what breaks comparisons."""
    assert (house.start(brought), house.ran) == (401, 0)


def test_the_token_alone_starts_nothing(house: House) -> None:
    """The attack: a token that leaked, brought by nobody (401) and by another service (403)."""
    assert house.start(OLD, email=None) == 401
    assert house.start(OLD, email="pusher@example") == 403
    assert house.start(NEW, email="pusher@example") == 401
    assert house.ran == 0


def test_deliveries_bring_no_token(house: House) -> None:
    """Pub/Sub cannot send one, and an outage of Secret Manager must not stop the events."""
    house.door.check(bearer(token(house.clock, email="pusher@example")), "s")
    house.files[0].unlink()
    house.door.ready()


def test_a_token_is_exchanged_without_a_restart(house: House) -> None:
    """The next version is listed before it exists, the last disabled while it is still listed."""
    assert [house.start(OLD), house.start(NEW)] == [204, 401]
    house.files[1].write_text(f"{NEW}\n")
    house.clock.sleep(60)
    assert [house.start(OLD), house.start(NEW)] == [204, 204]
    house.files[0].unlink()
    house.clock.sleep(59)
    assert [house.start(OLD), house.start(NEW)] == [204, 204]
    house.clock.sleep(1)
    assert [house.start(OLD), house.start(NEW)] == [401, 204]


def test_without_any_token_nobody_gets_in_and_nothing_is_decided(house: House) -> None:
    """Both were withdrawn: an operator reads of 503, and the scheduler comes again."""
    house.files[0].unlink()
    assert (house.start(OLD), house.ran) == (503, 0)
    assert "authentication_undecided" in "".join(house.lines)


class Away:
    """A source of which one secret cannot be read now."""

    def read(self, name: str) -> SecretValue:
        """Give the other."""
        if name == "away":
            raise TransientError("away")
        return SecretValue(OLD.encode())


def test_what_may_be_the_token_that_is_away_is_undecided() -> None:
    """A 401 would say that the scheduler is wrong; it may well be right."""
    tokens = JobTokens(Away(), ["here", "away"])
    tokens.require()
    tokens.check({HEADER: OLD})
    with pytest.raises(TransientError):
        tokens.check({HEADER: NEW})
    with pytest.raises(UnauthenticatedError):
        tokens.check({})


def test_every_valid_token_is_compared_in_constant_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison that ends early tells how much of a guess was right."""
    house.files[1].write_text(NEW)
    compare = hmac.compare_digest
    compared: list[tuple[bytes, bytes]] = []

    def noting(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return compare(one, other)

    monkeypatch.setattr("shared.worker.job_tokens.hmac.compare_digest", noting)
    for brought in (OLD, NEW, "z" * 32, "z" * 512):
        compared.clear()
        house.start(brought)
        assert [(len(one), len(other)) for one, other in compared] == [(32, 32)] * 2


def test_no_token_is_seen_anywhere(house: House) -> None:
    """The attack: look at all that is logged, counted, answered and printed."""
    house.files[1].write_text(NEW)
    for brought in (OLD, NEW, OLD[:-1], None):
        for email in (SCHEDULER, "pusher@example", None):
            house.start(brought, email)
    house.files[0].write_text(OLD * 20)  # no token any more
    house.clock.sleep(60)
    house.start(OLD)
    assert house.lines
    for needle in (OLD[:12], NEW[:12], "t0ken"):
        assert needle not in house.shown


@pytest.mark.parametrize(
    "value", ["short", "x" * 513, "x" * 31 + " " + "x", "x" * 31 + ",", "é" * 40]
)
def test_a_secret_that_is_no_token_stops_the_start(tmp_path: Path, value: str) -> None:
    """An empty or guessable one would be worse than none."""
    (tmp_path / "7").write_text(value)
    tokens = JobTokens(EnvironmentSecrets({}), [f"file:{tmp_path}/7"])
    with pytest.raises(SecretUnusableError) as caught:
        tokens.require()
    assert value not in str(caught.value)
    assert "\n" not in str(caught.value)


GOOD = {
    "DOCLEDGER_PUSH_AUDIENCE": AUDIENCE,
    "DOCLEDGER_PUSH_JOB_ACCOUNT": SCHEDULER,
    "DOCLEDGER_PUSH_JOB_TOKENS": "env:TOKEN",
    "TOKEN": OLD,
}


def made(environ: dict[str, str], jobs: tuple[str, ...] = ("sweep",)) -> object:
    """Return the authenticator that follows from settings."""
    return authenticator_for(
        [], jobs, clock=FakeClock(), secrets=lambda: EnvironmentSecrets(environ), environ=environ
    )


def test_a_worker_with_jobs_does_not_start_without_token_or_account() -> None:
    """On Google Cloud the identity alone must never be enough."""
    assert isinstance(made(GOOD), WithJobTokens)
    for variable in ("DOCLEDGER_PUSH_JOB_TOKENS", "DOCLEDGER_PUSH_JOB_ACCOUNT", "TOKEN"):
        with pytest.raises(UserError, match=variable):
            made({**GOOD, variable: ""})
    with pytest.raises(UserError, match="DOCLEDGER_PUSH_JOB_TOKENS"):
        made({**GOOD, "DOCLEDGER_PUSH_JOB_TOKENS": "env:A,env:B,env:C"})


def test_a_worker_without_jobs_needs_no_secret() -> None:
    """What cannot be used is not granted."""
    door = made({"DOCLEDGER_PUSH_AUDIENCE": AUDIENCE}, jobs=())
    assert isinstance(door, OidcAuthenticator)


def test_on_one_machine_a_token_is_asked_for_where_one_is_set() -> None:
    """``docledger up`` makes one for its own jobs; pushes of the emulator bring nothing."""
    unsafe = {UNSAFE_VARIABLE: "true"}
    assert isinstance(made(unsafe), UnsafeNoAuth)
    door = made({**unsafe, "DOCLEDGER_PUSH_JOB_TOKENS": "env:TOKEN", "TOKEN": OLD})
    assert isinstance(door, WithJobTokens)
    door.check({}, "s")
    door.check({HEADER: OLD}, "jobs/sweep")
    with pytest.raises(UnauthenticatedError):
        door.check({}, "jobs/sweep")


def test_two_secrets_are_listed_even_where_a_path_has_a_comma(tmp_path: Path) -> None:
    """Nobody chooses the name of a home folder for our sake."""
    folder = tmp_path / "a, b"
    folder.mkdir()
    for name, value in (("7", OLD), ("8", NEW)):
        (folder / name).write_text(value)
    names = f"file:{folder}/7, file:{folder}/8"
    door = made({UNSAFE_VARIABLE: "true", "DOCLEDGER_PUSH_JOB_TOKENS": names})
    assert isinstance(door, WithJobTokens)
    for value in (OLD, NEW):
        door.check({HEADER: value}, "jobs/sweep")


def test_forbidden_is_said_by_the_identity_alone(house: House) -> None:
    """A wrong token never learns whether the account was right."""
    with pytest.raises(ForbiddenError):
        house.door.check(
            {**bearer(token(house.clock, email="other@example")), HEADER: OLD}, "jobs/sweep"
        )
