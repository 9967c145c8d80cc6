"""The topics and subscriptions of one project on Pub/Sub: asked, made, changed, paused."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Final, Self, TypedDict

from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import types

from shared.bus.pubsub_channel import (
    emulator_host,
    publisher_client,
    subscriber_client,
    subscription_path,
    translated,
)
from shared.bus.pubsub_differences import (
    MASKS,
    Difference,
    short,
    subscription_differences,
    topic_differences,
)
from shared.bus.pubsub_wanted import Wanted
from shared.errors import UserError
from shared.google_client import code_of


class _Times(TypedDict):
    retry: Retry
    timeout: float


_TIMES: Final = _Times(
    retry=Retry(
        predicate=if_exception_type(exceptions.ServiceUnavailable, exceptions.Aborted),
        initial=0.1,
        maximum=2.0,
        timeout=20.0,
    ),
    timeout=20.0,
)
"""A person waits, or a deployment: it is given up after a while."""

_SAID: Final = 160
_REFUSALS: Final = (exceptions.Forbidden, exceptions.Unauthorized)
_MISTAKES: Final = (exceptions.BadRequest, exceptions.NotFound, exceptions.PreconditionFailed)


class PubsubProject:
    """The topics and subscriptions of one project.

    Attributes:
        emulated: whether it is one of an emulator.
    """

    def __init__(self, project: str) -> None:
        self._name = project
        host = emulator_host()
        self.emulated = host is not None
        with self._told("be reached"):
            self._topics = publisher_client(host)
            self._subscriptions = subscriber_client(host)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for client in (self._topics, self._subscriptions):
            client.transport.close()  # type: ignore[no-untyped-call]  # generated without types

    def differences(self, wanted: Wanted) -> list[Difference]:
        """Return how the project differs, topics first."""
        path = f"projects/{self._name}"
        with self._told("list its topics and subscriptions"):
            topics = {
                short(one.name): one for one in self._topics.list_topics(project=path, **_TIMES)
            }
            listed = self._subscriptions.list_subscriptions(project=path, **_TIMES)
            subscriptions = {short(one.name): one for one in listed}
        return [*self._of_topics(wanted, topics), *self._of_subscriptions(wanted, subscriptions)]

    def _of_topics(self, wanted: Wanted, have: dict[str, types.Topic]) -> Iterator[Difference]:
        for name, want in wanted.topics.items():
            if name in have:
                yield from topic_differences(have[name], want, emulator=self.emulated)
            else:
                yield Difference("missing", f"topic {name}")
        for name in sorted(have.keys() - wanted.topics.keys()):
            if wanted.is_our_topic(name):
                yield Difference("extra", f"topic {name}")

    def _of_subscriptions(
        self, wanted: Wanted, have: dict[str, types.Subscription]
    ) -> Iterator[Difference]:
        for name, want in wanted.subscriptions.items():
            if name in have:
                yield from subscription_differences(have[name], want, emulator=self.emulated)
            else:
                yield Difference("missing", f"subscription {name}")
        for name in sorted(have.keys() - wanted.subscriptions.keys()):
            topic = short(have[name].topic)
            if wanted.is_our_topic(topic) or wanted.is_our_subscription(name):
                yield Difference("extra", f"subscription {name}", have=topic)

    def make(self, wanted: Wanted, resource: str) -> None:
        """Create a resource; one that somebody else made meanwhile is fine."""
        kind, name = resource.split(" ")
        with self._told(f"make {resource}"):
            try:
                if kind == "topic":
                    self._topics.create_topic(wanted.topics[name], **_TIMES)
                else:
                    self._subscriptions.create_subscription(wanted.subscriptions[name], **_TIMES)
            except exceptions.AlreadyExists:
                return

    def change(self, wanted: Wanted, resource: str, fields: Iterable[str]) -> None:
        """Put fields of a resource right; none where none can be."""
        kind, name = resource.split(" ")
        fields = [*fields]
        if not fields:
            return
        with self._told(f"change {resource}"):
            if kind == "topic":
                self._topics.update_topic(
                    {"topic": wanted.topics[name], "update_mask": {"paths": ["kms_key_name"]}},
                    **_TIMES,
                )
            else:
                paths = [*dict.fromkeys(MASKS[one] for one in fields)]
                self._subscriptions.update_subscription(
                    {"subscription": wanted.subscriptions[name], "update_mask": {"paths": paths}},
                    **_TIMES,
                )

    def push(self, name: str, config: types.PushConfig) -> None:
        """Set where a subscription pushes to; nowhere, when the configuration is empty."""
        with self._told(f"change subscription {name}"):
            self._subscriptions.modify_push_config(
                subscription=subscription_path(self._name, name), push_config=config, **_TIMES
            )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Turn a refusal into one line that says what was refused; an outage is an outage."""
        with translated():
            try:
                yield
            except GoogleAuthError as err:
                raise UserError(
                    f"no identity for project {self._name} ({code_of(err)}): "
                    "run 'gcloud auth application-default login'"
                ) from err
            except _REFUSALS as err:
                raise UserError(
                    f"project {self._name} does not let this identity {what} ({code_of(err)}): "
                    "it needs the role roles/pubsub.editor there"
                ) from err
            except _MISTAKES as err:
                said = " ".join(str(getattr(err, "message", "")).split())[:_SAID]
                raise UserError(
                    f"project {self._name} cannot {what} ({code_of(err)}): {said}"
                ) from err
