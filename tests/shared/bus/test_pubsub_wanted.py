"""What the topology means on Pub/Sub, and what counts as a difference."""

from datetime import timedelta

import pytest
from google.pubsub_v1 import types

from shared.bus.pubsub_differences import (
    Difference,
    subscription_differences,
    topic_differences,
)
from shared.bus.pubsub_wanted import Pushes, Wanted
from shared.bus.topology import Topology
from shared.errors import UserError
from shared.events.payloads import EventType

NAME = "ocr.pages-read"
DEAD = "ocr.pages-read.dead"
KEY = "projects/acme/locations/eu/keyRings/r/cryptoKeys/events"


def pushes(**changed: object) -> Pushes:
    """Return endpoints for every worker, and an account for every subscription."""
    given = {
        "endpoints": {
            worker: f"https://{worker}.example.com/"
            for worker in ("entrance", "ingest", "ocr", "summarize", "ledger", "register")
        },
        "accounts": lambda name: f"push-{name.replace('.', '-')}@acme.example",
        "audiences": {},
        **changed,
    }
    return Pushes(**given)  # type: ignore[arg-type]


def wanted(topology: Topology, **changed: object) -> Wanted:
    """Return what is wanted in a project, with or without pushes."""
    return Wanted.of(topology, "acme", pushes(**changed))


def changed(one: types.Subscription, **fields: object) -> types.Subscription:
    """Return a copy with other fields."""
    copy = types.Subscription(one)
    for name, value in fields.items():
        setattr(copy, name, value)
    return copy


def differences(have: types.Subscription, want: types.Subscription) -> list[tuple[str, str, str]]:
    """Return field, have and want of what differs on Pub/Sub itself."""
    found = subscription_differences(have, want, emulator=False)
    return [(one.field, one.have, one.want) for one in found]


def test_every_event_and_every_dead_letter_has_its_topic(topology: Topology) -> None:
    """A topic that is missing loses what is published to it."""
    dead = {f"{name}.dead" for name in topology.subscriptions}
    topics = {*map(str, EventType), "docledger.uploads.notified", *dead}
    assert wanted(topology).topics.keys() == topics
    assert wanted(topology).topics[DEAD].name == "projects/acme/topics/ocr.pages-read.dead"


def test_a_subscription_pushes_to_its_worker_under_its_own_name(topology: Topology) -> None:
    """The worker knows by the path what came, and by the token who sent it."""
    one = wanted(topology).subscriptions[NAME]
    assert one.topic == "projects/acme/topics/docledger.pages.read.v1"
    assert one.push_config.push_endpoint == "https://ocr.example.com/push/ocr.pages-read"
    token = one.push_config.oidc_token
    assert token.service_account_email == "push-ocr-pages-read@acme.example"
    assert token.audience == "https://ocr.example.com"
    assert "no_wrapper" not in one.push_config


def test_an_audience_may_be_named(topology: Topology) -> None:
    """A service behind a load balancer is called by another name."""
    named = wanted(topology, audiences={"ocr": "docledger-ocr"})
    assert named.subscriptions[NAME].push_config.oidc_token.audience == "docledger-ocr"


def test_the_clocks_are_the_topologys(topology: Topology) -> None:
    """It is the one source; and nothing expires for want of traffic."""
    one = wanted(topology).subscriptions["ocr.document-received"]
    assert one.ack_deadline_seconds == 300
    assert one.retry_policy.minimum_backoff == timedelta(seconds=1)
    assert one.retry_policy.maximum_backoff == timedelta(seconds=600)
    assert one.message_retention_duration == timedelta(days=7)
    assert "expiration_policy" in one
    assert "ttl" not in one.expiration_policy


def test_a_lease_shorter_than_pubsubs_shortest_is_that(topology: Topology) -> None:
    """The embedded bus grants shorter ones, and tests use them."""
    short = topology.subscriptions[NAME].model_copy(update={"lease_s": 0.5})
    other = topology.model_copy(update={"subscriptions": {NAME: short}})
    assert wanted(other).subscriptions[NAME].ack_deadline_seconds == 10


def test_dead_letters_go_to_the_same_worker_and_stay(topology: Topology) -> None:
    """They have nowhere else to go: no limit of attempts, and no dead letters of their own."""
    alive, dead = (wanted(topology).subscriptions[name] for name in (NAME, DEAD))
    assert alive.dead_letter_policy.dead_letter_topic == dead.topic
    assert alive.dead_letter_policy.max_delivery_attempts == 100
    assert "dead_letter_policy" not in dead
    assert dead.push_config.push_endpoint == "https://ocr.example.com/push/ocr.pages-read.dead"
    assert "ttl" not in dead.expiration_policy


def test_a_key_is_on_every_topic(topology: Topology) -> None:
    """Dead letters are documents' events, too."""
    keyed = Wanted.of(topology, "acme", pushes(), KEY)
    assert {one.kms_key_name for one in keyed.topics.values()} == {KEY}


def test_what_is_as_wanted_does_not_differ(topology: Topology) -> None:
    """Applying it again changes nothing."""
    for one in wanted(topology).subscriptions.values():
        assert differences(one, one) == []


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"ack_deadline_seconds": 10}, ("lease_s", "10", "60")),
        ({"retry_policy": None}, ("backoff_s", "none", "1-600")),
        (
            {"retry_policy": types.RetryPolicy(minimum_backoff=timedelta(milliseconds=1500))},
            ("backoff_s", "1.5-0", "1-600"),
        ),
        ({"message_retention_duration": timedelta(days=1)}, ("retention_s", "86400", "604800")),
        ({"expiration_policy": None}, ("expires", "by default", "never")),
        (
            {"expiration_policy": types.ExpirationPolicy(ttl=timedelta(days=31))},
            ("expires", "2678400", "never"),
        ),
        (
            {
                "dead_letter_policy": types.DeadLetterPolicy(
                    dead_letter_topic="projects/acme/topics/ocr.pages-read.dead",
                    max_delivery_attempts=5,
                )
            },
            ("attempts", "5", "100"),
        ),
        ({"enable_exactly_once_delivery": True}, ("exactly_once", "true", "false")),
        ({"enable_message_ordering": True}, ("ordered", "true", "false")),
        ({"filter": 'attributes.x="1"'}, ("filter", 'attributes.x="1"', "")),
        ({"detached": True}, ("detached", "true", "false")),
        ({"topic": "_deleted-topic_"}, ("topic", "_deleted-topic_", "docledger.pages.read.v1")),
    ],
)
def test_drift_is_named(
    topology: Topology, fields: dict[str, object], told: tuple[str, str, str]
) -> None:
    """Whoever changed it by hand finds it in one line, with both values."""
    want = wanted(topology).subscriptions[NAME]
    assert differences(changed(want, **fields), want) == [told]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        (
            {"push_endpoint": "https://evil.example/push"},
            ("push_endpoint", "https://evil.example/push"),
        ),
        ({"oidc_token": None}, ("push_account", "")),
        ({"no_wrapper": types.PushConfig.NoWrapper(write_metadata=True)}, ("wrapped", "false")),
    ],
)
def test_a_push_that_goes_elsewhere_or_as_somebody_else_is_named(
    topology: Topology, config: dict[str, object], told: tuple[str, str]
) -> None:
    """Documents' references would leave for another address, or arrive unauthenticated."""
    want = wanted(topology).subscriptions[NAME]
    push = types.PushConfig(want.push_config)
    for name, value in config.items():
        setattr(push, name, value)
    found = differences(changed(want, push_config=push), want)
    assert told in [(field, have) for field, have, _want in found]


def test_what_is_not_known_is_not_compared(topology: Topology) -> None:
    """Who asks without endpoints or accounts hears nothing of them; Terraform has set them."""
    have = wanted(topology).subscriptions[NAME]
    assert differences(have, wanted(topology, accounts=None).subscriptions[NAME]) == []
    assert differences(have, wanted(topology, endpoints={}).subscriptions[NAME]) == []


def test_a_cleared_push_is_a_pause(topology: Topology) -> None:
    """It is told, whether or not its endpoint is known; and it is not for apply to end it."""
    want = wanted(topology).subscriptions[NAME]
    have = changed(want, push_config=types.PushConfig())
    [told] = subscription_differences(have, want, emulator=False)
    assert (told.kind, told.want, told.fixable) == (
        "paused",
        want.push_config.push_endpoint,
        False,
    )
    unknown = wanted(topology, endpoints={}).subscriptions[NAME]
    assert [one.kind for one in subscription_differences(have, unknown, emulator=False)] == [
        "paused"
    ]


def test_what_the_emulator_cannot_change_is_not_compared_there(topology: Topology) -> None:
    """It would differ for ever."""
    want = wanted(topology).subscriptions[NAME]
    have = changed(want, expiration_policy=None)
    assert [*subscription_differences(have, want, emulator=True)] == []
    topic = types.Topic(name="projects/acme/topics/x", kms_key_name=KEY)
    plain = types.Topic(name="projects/acme/topics/x")
    assert [*topic_differences(plain, topic, emulator=True)] == []


def test_a_key_differs_only_where_one_is_wanted() -> None:
    """Without the option, what Terraform has set stays."""
    topic = types.Topic(name="projects/acme/topics/x", kms_key_name=KEY)
    plain = types.Topic(name="projects/acme/topics/x")
    [told] = topic_differences(plain, topic, emulator=False)
    assert told == Difference("differs", "topic x", "kms_key", "", KEY)
    assert told.fixable
    assert [*topic_differences(topic, plain, emulator=False)] == []


@pytest.mark.parametrize(
    ("topic", "ours"),
    [
        ("docledger.document.read.v0", True),
        ("ocr.gone.dead", True),
        ("marketing.dead", False),
        ("other", False),
    ],
)
def test_topics_of_others_are_left_out(topology: Topology, topic: str, ours: object) -> None:
    """A project may be shared."""
    assert wanted(topology).is_our_topic(topic) is ours


@pytest.mark.parametrize(
    ("subscription", "ours"), [("ocr.gone", True), ("marketing.gone", False), ("ocr", False)]
)
def test_subscriptions_of_others_are_left_out(
    topology: Topology, subscription: str, ours: object
) -> None:
    """Unless they hear a topic of ours."""
    assert wanted(topology).is_our_subscription(subscription) is ours


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"endpoints": {"ocr": "https://x"}}, "no endpoint for entrance, ingest, ledger"),
        ({"endpoints": {"cat": "https://x"}}, "no endpoint for"),
        ({"audiences": {"cat": "x"}}, "cat is no worker of the topology: give one of entrance"),
        ({"accounts": None}, "name their service accounts"),
    ],
)
def test_pushes_that_cannot_work_are_refused(
    topology: Topology, given: dict[str, object], told: str
) -> None:
    """Before the first half of them is set up."""
    with pytest.raises(UserError, match=told):
        pushes(**given).require(topology, emulated=False)


@pytest.mark.parametrize(
    "url", ["ocr.example.com", "ftp://x", "https://", "https://x?y", "https://x#y", "https://x y"]
)
def test_an_endpoint_is_a_base_url(topology: Topology, url: str) -> None:
    """The path of the push is put behind it."""
    with pytest.raises(UserError, match="the endpoint of ocr is no base URL"):
        Pushes({"ocr": url}).check(topology)


def test_an_account_that_is_not_named_is_asked_for(topology: Topology) -> None:
    """Half of the pushes with a token is none of them safe."""
    with pytest.raises(UserError, match="no service account for the pushes of"):
        wanted(topology, accounts={NAME: "a@acme.example"})
    every = {
        name: "a@acme.example" for one in topology.subscriptions for name in (one, one + ".dead")
    }
    token = wanted(topology, accounts=every).subscriptions[NAME].push_config.oidc_token
    assert token.service_account_email == "a@acme.example"
