"""Everything that can be heard of the deployables from outside, gathered under names."""

import contextlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psutil
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient  # type: ignore[import-untyped]

from tests.e2e.cluster import Cluster
from tests.e2e.needles import Seeker

PULLED_AT_ONCE = 1_000
NOTIFIED = "docledger.uploads.notified"
"""Cloud Storage's own topic: its messages name files, and only the entrance hears them."""


class Overhearing:
    """A subscription of our own to every topic, dead letters included.

    Args:
        cluster: up, with nothing on its topics yet.
    """

    def __init__(self, cluster: Cluster) -> None:
        cluster.backing.enter()
        self._publisher = PublisherClient()
        self._subscriber = SubscriberClient()
        project = f"projects/{cluster.backing.project}"
        self.topics = sorted(
            one.name for one in self._publisher.list_topics(request={"project": project})
        )
        self._ours: set[str] = set()
        self._paths = {}
        for topic in self.topics:
            path = f"{project}/subscriptions/overhears-{topic.rpartition('/')[2]}"
            self._subscriber.create_subscription(request={"name": path, "topic": topic})
            self._paths[topic] = path

    def publish(self, topic: str, data: bytes, attributes: Mapping[str, str]) -> None:
        """Publish what will not be counted among what was heard."""
        self._ours.add(self._publisher.publish(topic, data, **attributes).result())

    def heard(self) -> Iterator[tuple[str, bytes]]:
        """Yield topic and content of every message of theirs."""
        for topic, path in self._paths.items():
            if topic.endswith(NOTIFIED):
                continue
            for one in self._pulled(path):
                if one.message_id not in self._ours:
                    said = json.dumps(dict(one.attributes), ensure_ascii=False).encode()
                    yield topic, b"\n".join((said, one.ordering_key.encode(), one.data))

    def close(self) -> None:
        """Hang up."""
        self._publisher.stop()
        self._publisher.transport.close()
        self._subscriber.close()

    def _pulled(self, path: str) -> Iterator[Any]:
        while True:
            request = {
                "subscription": path,
                "max_messages": PULLED_AT_ONCE,
                "return_immediately": True,
            }
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                found = self._subscriber.pull(request=request).received_messages
            if not found:
                return
            ids = [one.ack_id for one in found]
            self._subscriber.acknowledge(request={"subscription": path, "ack_ids": ids})
            yield from (one.message for one in found)


def of_processes(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Yield how every process of ours was started, and how it and its threads call themselves."""
    for one in cluster.started.tree():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, OSError):
            told = [*one.cmdline(), *(f"{name}={value}" for name, value in one.environ().items())]
            tasks = Path(f"/proc/{one.pid}/task")
            told += [task.joinpath("comm").read_text() for task in tasks.glob("*")]
            yield f"process {one.pid} ({one.name()})", "\n".join(told).encode()


def of_objects(cluster: Cluster) -> Iterator[tuple[str, bytes]]:
    """Yield what Cloud Storage tells of every object of ours: names and metadata."""
    client = cluster.bucket.client
    for blob in client.list_blobs(cluster.backing.objects):
        yield f"object {blob.name}", json.dumps(blob._properties, ensure_ascii=False).encode()
    for blob in cluster.bucket.list_blobs():
        yield "an upload that is still there", blob.name.encode()


def of_files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield path, extended attributes and content of every file below a folder."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        parts = [os.fsencode(path.relative_to(folder)), path.read_bytes()]
        with contextlib.suppress(OSError):
            parts += [os.getxattr(path, name) for name in os.listxattr(path)]
        yield f"file {path.relative_to(folder)}", b"\n".join(parts)


def leaks(
    heard: Mapping[str, bytes], needles: Mapping[bytes, str], seeker: Seeker | None = None
) -> dict[str, set[str]]:
    """Return where something was heard that must not be, and which places it came from."""
    seeker = seeker or Seeker(needles)
    found = {where: seeker.seen_in(what) for where, what in heard.items()}
    return {where: {needles[one] for one in seen} for where, seen in found.items() if seen}
