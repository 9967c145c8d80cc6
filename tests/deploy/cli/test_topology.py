"""``docledger topology``: on the official emulator, as a person and as a program give it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from google.pubsub_v1 import types

from deploy.local.pubsub_emulator import PubsubEmulator
from shared.bus.pubsub_channel import subscriber_client, subscription_path, topic_path
from tests.deploy.conftest import Docledger, Said, plain

FROM = ("--endpoints-from", "http://127.0.0.1:9/{worker}")
NAME = "ocr.pages-read"

Topology = Callable[..., Said]


@pytest.fixture
def topology(pubsub_project: str, tmp_path: Path) -> Topology:
    """Give the group of commands on an empty project."""
    command = Docledger(tmp_path / "data", tmp_path)
    return lambda *words, **kwargs: command(
        "topology", words[0], "--project", pubsub_project, *words[1:], **kwargs
    )


@pytest.mark.integration
@pytest.mark.enable_socket
def test_it_is_set_up_compared_paused_and_resumed(topology: Topology) -> None:
    """The way of a deployment, and of a night on call."""
    assert topology("diff", *FROM).code == 1
    made = topology("apply", *FROM, "--format", "json")
    assert made.code == 0
    assert {row["kind"] for row in made.rows} == {"missing"}
    assert {"topic docledger.entry.held.v1", f"subscription {NAME}.dead"} <= {
        row["resource"] for row in made.rows
    }
    same = topology("diff", *FROM)
    assert (same.code, same.out) == (0, "no difference\n")
    assert topology("pause", NAME).out == f"paused: {NAME}\n"
    paused = topology("diff", *FROM, "--format", "json")
    assert (paused.code, [row["kind"] for row in paused.rows]) == (1, ["paused"])
    again = topology("apply", *FROM)
    assert (again.code, again.out) == (0, "nothing to put right\n")
    assert f"left alone: subscription {NAME} is paused" in again.err
    assert topology("resume", NAME, *FROM).code == 0
    assert topology("diff", *FROM).code == 0


@pytest.mark.integration
@pytest.mark.enable_socket
def test_a_difference_is_a_row_with_both_values(topology: Topology) -> None:
    """A person sees what is, and what should be."""
    topology("apply", *FROM)
    elsewhere = (*FROM, "--endpoint", "summarize=http://127.0.0.1:9/other")
    shown = topology("diff", *elsewhere, width=200)
    assert shown.code == 1
    [row] = [line for line in plain(shown.out).splitlines() if "document-read " in line]
    assert "push_endpoint" in row
    assert "http://127.0.0.1:9/summarize/push/summarize.document-read" in row
    assert "http://127.0.0.1:9/other/push/summarize.document-read" in row
    assert "summarize.document-read" in topology("apply", *elsewhere).out
    assert topology("diff", *elsewhere).code == 0


@pytest.mark.integration
@pytest.mark.enable_socket
def test_what_only_a_person_can_put_right_fails_the_command(
    topology: Topology, pubsub_project: str, pubsub_emulator: PubsubEmulator
) -> None:
    """A pipeline must not go on as if it had been done."""
    client = subscriber_client(pubsub_emulator.host)
    topology("apply", *FROM)
    name = subscription_path(pubsub_project, NAME)
    client.delete_subscription(subscription=name)
    client.create_subscription(
        types.Subscription(
            name=name,
            topic=topic_path(pubsub_project, "docledger.pages.read.v1"),
            push_config=types.PushConfig(push_endpoint="http://127.0.0.1:9/"),
            enable_message_ordering=True,
        )
    )
    client.transport.close()  # type: ignore[no-untyped-call]  # generated without types
    said = topology("apply", *FROM)
    assert said.code == 1
    assert f"left alone: subscription {NAME} ordered is true, not false" in said.err


@pytest.mark.integration
@pytest.mark.enable_socket
def test_everything_is_paused_only_when_told_so(topology: Topology) -> None:
    """Half a command must not stop the house."""
    topology("apply", *FROM)
    for words in (("pause",), ("pause", NAME, "--all"), ("resume", *FROM)):
        said = topology(*words)
        assert (said.code, "name subscriptions, or give --all" in said.err) == (2, True)
    assert topology("pause", "--all").out.count(".dead") > 10
    assert topology("resume", "--all", *FROM).code == 0


@pytest.mark.integration
@pytest.mark.enable_socket
def test_accounts_and_audiences_are_compared_when_they_are_given(topology: Topology) -> None:
    """A template for all, a name for one."""
    accounts = ("--push-accounts-from", "{subscription}@acme.example")
    one = ("--push-account", f"{NAME}=special@acme.example", "--audience", "ocr=docledger-ocr")
    topology("apply", *FROM, *accounts, *one)
    assert topology("diff", *FROM, *accounts, *one).code == 0
    rows = topology("diff", *FROM, *accounts, "--format", "json").rows
    found = {(row["resource"], row["field"]): (row["have"], row["want"]) for row in rows}
    account = found[f"subscription {NAME}", "push_account"]
    assert account == ("special@acme.example", "ocr-pages-read@acme.example")
    audience = found[f"subscription {NAME}.dead", "push_audience"]
    assert audience == ("docledger-ocr", "http://127.0.0.1:9/ocr")


@pytest.mark.integration
@pytest.mark.enable_socket
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("apply",), "no endpoint for entrance, ingest"),
        (("apply", "--endpoint", "ocr"), "--endpoint ocr: give NAME=VALUE"),
        (("apply", "--endpoint", "cat=http://x", *FROM), "cat is no worker"),
        (("apply", "--endpoints-from", "http://{service}"), "may have {worker} in it"),
        (("diff", "--endpoints-from", "http://{worker.x}"), "may have {worker} in it"),
        (("diff", "--push-accounts-from", "{"), "{worker} or {subscription} in it"),
        (("pause", "ocr.pages"), "ocr.pages is no subscription of the topology"),
    ],
)
def test_a_mistake_is_one_line(topology: Topology, words: tuple[str, ...], told: str) -> None:
    """And nothing was done."""
    said = topology(*words)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert told in said.err


def test_the_project_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is guessed: it may be somebody else's."""
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)
    said = Docledger(tmp_path, tmp_path)("topology", "diff")
    assert (said.code, "--project" in said.err) == (2, True)
