"""How what is on Pub/Sub differs from what the topology wants there. No I/O."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from google.pubsub_v1 import types

MASKS: Final[Mapping[str, str]] = {
    "push_endpoint": "push_config",
    "push_account": "push_config",
    "push_audience": "push_config",
    "wrapped": "push_config",
    "lease_s": "ack_deadline_seconds",
    "backoff_s": "retry_policy",
    "dead_letters": "dead_letter_policy",
    "attempts": "dead_letter_policy",
    "retention_s": "message_retention_duration",
    "expires": "expiration_policy",
    "exactly_once": "enable_exactly_once_delivery",
}
"""By field as we name it: what Pub/Sub calls it. A field that is not here cannot be changed."""

FIXED_ON_THE_EMULATOR: Final = frozenset({"expires", "kms_key"})
"""What it stores when made and cannot change: not compared there."""

Kind = Literal["missing", "differs", "paused", "extra"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which Pub/Sub is not as the topology says.

    Attributes:
        kind: it is missing; a field differs; its pushes are paused; it is there, and should not.
        resource: ``topic <id>`` or ``subscription <id>``.
        field: which one differs, else empty.
        have: what it is, else empty.
        want: what it should be, else empty.
    """

    kind: Kind
    resource: str
    field: str = ""
    have: str = ""
    want: str = ""

    @property
    def fixable(self) -> bool:
        """Whether ``apply`` puts it right."""
        if self.kind == "missing":
            return True
        return self.kind == "differs" and (self.field in MASKS or self.field == "kms_key")


def topic_differences(
    have: types.Topic, want: types.Topic, *, emulator: bool
) -> Iterator[Difference]:
    """Yield how a topic differs; its key only where one is wanted (else Terraform has set it)."""
    if want.kms_key_name and have.kms_key_name != want.kms_key_name and not emulator:
        resource = f"topic {short(want.name)}"
        yield Difference("differs", resource, "kms_key", have.kms_key_name, want.kms_key_name)


def subscription_differences(
    have: types.Subscription, want: types.Subscription, *, emulator: bool
) -> Iterator[Difference]:
    """Yield how a subscription differs; its pushes as far as their target is known."""
    resource = f"subscription {short(want.name)}"
    compared, found = _fields(want), {**_fields(have), **_push_fields(have)}
    wanted = want.push_config
    if not have.push_config.push_endpoint:
        yield Difference("paused", resource, "push_endpoint", "", wanted.push_endpoint)
    elif wanted.push_endpoint:
        compared |= _push_fields(want)
        if not wanted.oidc_token.service_account_email:
            del compared["push_account"], compared["push_audience"]
    for name, value in compared.items():
        if found[name] != value and not (emulator and name in FIXED_ON_THE_EMULATOR):
            yield Difference("differs", resource, name, found[name], value)


def short(path: str) -> str:
    """Return the id in a full name."""
    return path.rpartition("/")[2]


def _fields(one: types.Subscription) -> dict[str, str]:
    policy, letters = one.retry_policy, one.dead_letter_policy
    first, longest = policy.minimum_backoff, policy.maximum_backoff
    return {
        "topic": short(one.topic),
        "lease_s": str(one.ack_deadline_seconds),
        "backoff_s": f"{_seconds(first)}-{_seconds(longest)}" if "retry_policy" in one else "none",
        "dead_letters": short(letters.dead_letter_topic),
        "attempts": str(letters.max_delivery_attempts),
        "retention_s": _seconds(one.message_retention_duration),
        "expires": _expires(one),
        "ordered": str(one.enable_message_ordering).lower(),
        "exactly_once": str(one.enable_exactly_once_delivery).lower(),
        "filter": one.filter,
        "detached": str(one.detached).lower(),
    }


def _push_fields(one: types.Subscription) -> dict[str, str]:
    push = one.push_config
    return {
        "push_endpoint": push.push_endpoint,
        "push_account": push.oidc_token.service_account_email,
        "push_audience": push.oidc_token.audience,
        "wrapped": str("no_wrapper" not in push).lower(),
    }


def _seconds(duration: timedelta | None) -> str:
    return f"{duration.total_seconds():.3f}".rstrip("0").rstrip(".") if duration else "0"


def _expires(one: types.Subscription) -> str:
    if "expiration_policy" not in one:
        return "by default"
    return _seconds(one.expiration_policy.ttl) if "ttl" in one.expiration_policy else "never"
