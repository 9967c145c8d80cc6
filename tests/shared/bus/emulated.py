"""Pub/Sub behind the ``Bus`` port, for the contract suite: published and set up by our own code.

Nobody pulls in production: there Pub/Sub pushes. Pulling is how a test sees every hand-out, holds
it, gives it back and lets it end, on the same leases, attempts and dead letters.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest
from google.pubsub_v1 import types

from shared.bus.port import Backlog, Delivery, Message
from shared.bus.pubsub import PubsubPublisher
from shared.bus.pubsub_admin import apply, pause
from shared.bus.pubsub_channel import subscriber_client, subscription_path
from shared.bus.topology import Topology
from shared.clock import FakeClock, SystemClock
from shared.events.envelope import Event

SLOWER: Final = 20
"""So many seconds of a test are one of the emulator's, whose time cannot be moved."""

MARGIN_S: Final = 1.0
"""So long before a lease's end nobody looks whether it still holds: machines are busy."""

CANNOT: Final = {
    "test_messages_come_in_the_order_they_were_published": "Pub/Sub promises no order",
    "test_a_retried_message_queues_up_behind_those_that_waited_longer": "Pub/Sub promises no order",
    "test_an_acknowledgement_after_another_hand_out_is_ignored": (
        "any receipt of a message settles it; exactly-once delivery is for pulling alone"
    ),
    "test_a_delivery_of_a_message_that_is_gone_is_ignored": "a push has no receipt to invent",
    "test_a_retried_message_waits_out_its_delay": (
        "the retry policy chooses the delay, and the emulator's first is none"
    ),
    "test_a_hand_out_given_back_unbegun_is_no_attempt": (
        "every hand-out counts, so attempts are many"
    ),
    "test_a_receipt_given_back_unbegun_settles_nothing_later": "every hand-out counts",
    "test_hand_outs_of_a_dead_letter_are_counted": (
        "attempts are counted where there is a dead-letter policy, and a dead letter has none"
    ),
    "test_the_backlog_has_a_row_for_every_subscription_in_order": (
        "the emulator keeps no figures (Cloud Monitoring does: test_pubsub_backlog.py)"
    ),
    "test_the_backlog_counts_what_waits_and_what_is_held": "the emulator keeps no figures",
    "test_the_last_attempt_counts_for_the_worker_that_holds_it": "the emulator keeps no figures",
    "test_the_bus_tells_when_something_is_due": "pushes come by themselves: nobody asks when",
    "test_an_empty_bus_has_nothing_due": "pushes come by themselves: nobody asks when",
    "test_a_new_supervisor_need_not_wait_for_the_leases_of_the_dead": (
        "nobody ends another's lease; a broken connection or the deadline does"
    ),
    "test_released_delays_stay": "nobody ends another's lease",
    "test_the_bus_remembers_what_was_published": "Pub/Sub forgets what was acknowledged",
    "test_what_was_refused_is_not_remembered_either": "Pub/Sub forgets what was acknowledged",
}
"""Clauses that the emulator cannot prove, or Pub/Sub does not keep, and why."""


@dataclass(slots=True)
class _Lease:
    """One message held: until when by the test's clock, since and until when by the machine's."""

    until: float
    since: float
    ends: float
    lasts: float


class EmulatedBus:
    """A topology on the emulator, its pushes paused.

    Args:
        topology: who hears what.
        project: an empty one.
        host: of the emulator.
        clock: the test's; ``EmulatedClock`` waits for what it is moved by.
    """

    def __init__(self, topology: Topology, project: str, host: str, clock: "EmulatedClock") -> None:
        self._topology = topology
        self._project = project
        self._clock = clock
        self._publisher = PubsubPublisher(project)
        self._client = subscriber_client(host)
        workers: set[str] = {one.worker for one in topology.subscriptions.values()}
        endpoints = dict.fromkeys(workers, "http://127.0.0.1:9")
        apply(topology, project=project, endpoints=endpoints)
        for name in pause(topology, project=project):
            # Its emulator backs off in steps of two seconds, whatever the policy says.
            self._client.update_subscription(
                {
                    "subscription": types.Subscription(name=self._path(name)),
                    "update_mask": {"paths": ["retry_policy"]},
                }
            )

    def close(self) -> None:
        """Close the connections."""
        self._publisher.close()
        self._client.transport.close()  # type: ignore[no-untyped-call]  # generated without types

    def publish(self, events: Sequence[Event]) -> None:
        """As production does."""
        self._publisher.publish(events)

    def pull(self, subscription: str, *, most: int, lease_s: float) -> list[Delivery]:
        """Lease what is due; a message that Pub/Sub does not count hand-outs of is at its first."""
        request = types.PullRequest(
            subscription=self._path(subscription), max_messages=most, return_immediately=True
        )
        try:
            pulled: Any = self._client.transport.pull(request)  # the client warns of the immediacy
        except Exception as err:
            if "NOT_FOUND" in str(err):
                raise LookupError(f"no subscription {subscription}") from err
            raise
        deliveries = [
            Delivery(
                subscription=subscription,
                message=Message(dict(one.message.attributes), one.message.data),
                attempt=one.delivery_attempt or 1,
                receipt=one.ack_id,
                published=one.message.publish_time,
            )
            for one in pulled.received_messages
        ]
        if deliveries and self._clock.overrun():
            pytest.skip("a lease ended on the emulator first: the machine is too busy")
        for delivery in deliveries:
            self.extend(delivery, lease_s=lease_s)
        return deliveries

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Settle deliveries, one request each."""
        for delivery in deliveries:
            self._clock.released(delivery.receipt)
            self._client.acknowledge(
                subscription=self._path(delivery.subscription), ack_ids=[delivery.receipt]
            )

    def retry(self, delivery: Delivery, *, delay_s: float, begun: bool = True) -> None:
        """Give a delivery back: the delay is Pub/Sub's, and it counts as begun."""
        del delay_s, begun
        self._clock.released(delivery.receipt)
        self._deadline(delivery, 0)

    def extend(self, delivery: Delivery, *, lease_s: float) -> None:
        """Lease it for so many seconds of the test's clock from now."""
        seconds = math.ceil(lease_s / SLOWER)
        self._deadline(delivery, seconds)
        self._clock.leased(delivery.receipt, lease_s, seconds)

    def backlog(self) -> list[Backlog]:
        """Refuse: the emulator keeps no figures."""
        raise LookupError("the emulator keeps no figures")

    def _deadline(self, delivery: Delivery, seconds: int) -> None:
        self._client.modify_ack_deadline(
            subscription=self._path(delivery.subscription),
            ack_ids=[delivery.receipt],
            ack_deadline_seconds=seconds,
        )

    def _path(self, name: str) -> str:
        return subscription_path(self._project, name)


class EmulatedClock(FakeClock):
    """The test's clock; moving it waits for what leases on the emulator make of that.

    Past the end of a lease it waits until the emulator's has ended, too. Within one it waits
    in proportion, but not into the last second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._machine = SystemClock()
        self._leases: dict[str, _Lease] = {}

    def leased(self, receipt: str, lease_s: float, lasts: float) -> None:
        """Note that a message is held."""
        now = self._machine.monotonic()
        self._leases[receipt] = _Lease(self.monotonic() + lease_s, now, now + lasts, lease_s)

    def released(self, receipt: str) -> None:
        """Note that it is held no more."""
        self._leases.pop(receipt, None)

    def overrun(self) -> bool:
        """Tell whether a lease has ended on the emulator that holds by the test's clock."""
        now = self._machine.monotonic()
        return any(one.ends <= now for one in self._leases.values())

    def sleep(self, seconds: float) -> None:
        """Move, and wait for what that means on the emulator."""
        super().sleep(seconds)
        over = [one for one in self._leases.values() if one.until <= self.monotonic()]
        wanted = [one.ends + 0.3 for one in over] or [
            min(one.ends - MARGIN_S, one.since + self._share(one)) for one in self._leases.values()
        ]
        self._leases = {name: one for name, one in self._leases.items() if one not in over}
        wait = max(wanted, default=0.0) - self._machine.monotonic()
        if wait > 0:
            self._machine.sleep(wait)

    def _share(self, one: _Lease) -> float:
        gone = 1 - (one.until - self.monotonic()) / one.lasts
        return gone * (one.ends - one.since)


def small(topology: Topology) -> Topology:
    """Return a topology with the subscriptions that the suite speaks of, and no others."""
    spoken_of = ("summarize.document-read", "register.document-read", "ocr.document-received")
    kept = {name: topology.subscriptions[name] for name in spoken_of}
    return topology.model_copy(update={"subscriptions": kept, "foreign": {}})
