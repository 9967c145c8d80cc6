"""The one topology (``infra/topology.yaml``) as a checked model: who hears what, and by when.

The embedded bus and Pub/Sub are set up from it; Terraform and the policy tests read the same file.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from shared.errors import UserError
from shared.events.payloads import EventType, StageName
from shared.settings import Settings

TOPOLOGY_FILE: Final = Path(__file__).resolve().parents[2] / "infra" / "topology.yaml"

DEAD_SUFFIX: Final = ".dead"
"""What a subscription's dead letters are pulled from: ``<subscription>.dead``."""

WorkerName = Literal["entrance", "ingest", "ocr", "summarize", "ledger", "register"]

SubscriptionName = Annotated[str, Field(pattern=r"^[a-z]+\.[a-z]+(-[a-z]+)*$")]

ForeignTopic = Annotated[str, Field(pattern=r"^docledger(\.[a-z]+)+$")]
"""A topic whose messages are not our events: what it carries, its handler decodes."""

LeaseSeconds = Annotated[float, Field(gt=0, le=600)]  # Pub/Sub's longest acknowledgement deadline
RetentionSeconds = Annotated[float, Field(ge=600, le=604_800)]  # its emulator's longest, too
Attempts = Annotated[int, Field(ge=5, le=100)]  # Pub/Sub's bounds for a dead-letter policy
WaitSeconds = Annotated[float, Field(ge=0, le=600)]  # Pub/Sub's longest retry backoff
Backoff = Annotated[
    tuple[WaitSeconds, WaitSeconds], BeforeValidator(lambda v: tuple(v) if type(v) is list else v)
]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Timed(_Strict):
    """What a subscription may say itself, and ``defaults`` says for the others."""

    @model_validator(mode="after")
    def _first_wait_is_the_shortest(self) -> "_Timed":
        backoff: tuple[float, float] | None = getattr(self, "backoff_s", None)
        if backoff is not None and backoff[0] > backoff[1]:
            raise ValueError("backoff_s is [first, longest]")
        return self


class Defaults(_Timed):
    """The clocks of every subscription that does not say otherwise."""

    lease_s: LeaseSeconds
    attempts: Attempts
    backoff_s: Backoff
    retention_s: RetentionSeconds


class Subscription(_Timed):
    """One topic, pushed to one worker.

    Attributes:
        topic: an event type, or a foreign topic.
        worker: who handles it.
        lease_s: how long the worker may hold a message before it is handed out again.
        attempts: hand-outs before a message becomes a dead letter.
        backoff_s: first and longest wait between attempts.
        retention_s: how long Pub/Sub keeps what nobody acknowledges.
    """

    topic: Annotated[EventType, Field(strict=False)] | ForeignTopic
    worker: WorkerName
    lease_s: LeaseSeconds
    attempts: Attempts
    backoff_s: Backoff
    retention_s: RetentionSeconds


class Stage(_Strict):
    """One step of a document's way.

    Attributes:
        deadline_s: from entering the stage to leaving it; past it a document is late.
    """

    deadline_s: Annotated[float, Field(gt=0)]


class Topology(_Strict):
    """Topics, subscriptions and stage deadlines.

    Attributes:
        defaults: clocks of the subscriptions that do not say otherwise.
        subscriptions: by name, in the order of the file.
        stages: every stage's deadline.
        foreign: by topic, what its messages are.
        unsubscribed: topics that nobody hears, on purpose.
    """

    defaults: Defaults
    subscriptions: dict[SubscriptionName, Subscription]
    stages: dict[StageName, Stage]
    foreign: dict[ForeignTopic, str] = {}
    unsubscribed: Annotated[
        tuple[Annotated[EventType, Field(strict=False)], ...],
        BeforeValidator(lambda v: tuple(v) if type(v) is list else v),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _fill_in_the_defaults(cls, raw: Any) -> Any:  # noqa: ANN401 - not checked yet
        if not isinstance(raw, dict):
            return raw
        defaults, subscriptions = raw.get("defaults"), raw.get("subscriptions")
        if not isinstance(defaults, dict) or not isinstance(subscriptions, dict):
            return raw
        filled = {
            name: {**defaults, **said} if isinstance(said, dict) else said
            for name, said in subscriptions.items()
        }
        return {**raw, "subscriptions": filled}

    @model_validator(mode="after")
    def _belongs_together(self) -> "Topology":
        problems = [*self._problems(), *self._foreign_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _problems(self) -> Iterator[str]:
        heard: set[tuple[str, str]] = set()
        for name, subscription in self.subscriptions.items():
            if name.split(".", 1)[0] != subscription.worker:
                yield f"{name}: its name begins with its worker, {subscription.worker}"
            if (subscription.topic, subscription.worker) in heard:
                yield f"{name}: {subscription.worker} hears {subscription.topic} twice"
            heard.add((subscription.topic, subscription.worker))
        topics = {topic for topic, _worker in heard}
        for topic in EventType:
            if topic not in topics and topic not in self.unsubscribed:
                yield f"{topic} has no subscription: add one, or declare it unsubscribed"
            if topic in topics and topic in self.unsubscribed:
                yield f"{topic} is declared unsubscribed, but has a subscription"
        stages: tuple[StageName, ...] = ("ingest", "ocr", "summarize", "ledger")
        for stage in stages:
            if stage not in self.stages:
                yield f"stages.{stage}: has no deadline"

    def _foreign_problems(self) -> Iterator[str]:
        heard = {one.topic for one in self.subscriptions.values()} - set(EventType)
        for topic in sorted(heard - self.foreign.keys()):
            yield f"{topic} is no event type: correct it, or declare it foreign"
        for topic in sorted(self.foreign.keys() - heard):
            yield f"{topic} is foreign and has no subscription"

    def of_topic(self, topic: EventType) -> list[str]:
        """Return the names of the subscriptions that hear ``topic``, in the file's order."""
        return [name for name, its in self.subscriptions.items() if its.topic is topic]

    def of_worker(self, worker: WorkerName) -> list[str]:
        """Return the names of the subscriptions that ``worker`` handles, in the file's order."""
        return [name for name, its in self.subscriptions.items() if its.worker == worker]

    def deadline(self, stage: StageName) -> timedelta:
        """Return how long a document may stay in ``stage``."""
        return timedelta(seconds=self.stages[stage].deadline_s)


class TopologySettings(Settings):
    """Which file it is.

    Attributes:
        topology: ``DOCLEDGER_TOPOLOGY``; other clocks than the project's, for tests and trials.
    """

    topology: Path = TOPOLOGY_FILE


def load_topology(path: Path | None = None) -> Topology:
    """Read and check the topology.

    Args:
        path: the file; the one that the setting names when None.

    Raises:
        UserError: it is missing, no YAML, or wrong; the line says where and why.
    """
    path = path or TopologySettings.from_environment().topology
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), _UniqueKeys)  # noqa: S506 - a SafeLoader
        return Topology.model_validate(raw)
    except OSError as err:
        raise UserError(f"{path.name}: cannot be read ({err.strerror})") from err
    except UnicodeDecodeError as err:
        raise UserError(f"{path.name}: is not UTF-8") from err
    except yaml.MarkedYAMLError as err:
        line = f"line {err.problem_mark.line + 1}: " if err.problem_mark else ""
        raise UserError(f"{path.name}: {line}{err.problem}") from err
    except yaml.YAMLError as err:
        raise UserError(f"{path.name}: is no YAML") from err
    except ValidationError as err:
        said = (
            f"{'.'.join(str(step) for step in problem['loc']) or 'topology'}: {problem['msg']}"
            for problem in err.errors()
        )
        raise UserError(f"{path.name}: {'; '.join(said)}") from err


class _UniqueKeys(yaml.SafeLoader):
    """A safe loader that refuses a key given twice, where YAML would keep the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - PyYAML's signature
        seen: set[str] = set()
        for key, _value in node.value:
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"{key.value} is given twice", problem_mark=key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)
