"""Looking at one thing: reading it, and saying a line for each of its checks."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from google.protobuf.json_format import ParseError
from google.pubsub_v1 import types

from deploy.doctor.backups import CHECK as OLDEST
from deploy.doctor.backups import oldest
from deploy.doctor.installed import Installed
from deploy.doctor.lines import NOTHING, Line, Status, compared, told
from deploy.doctor.listings import Listing, keys_of
from deploy.doctor.logs import recorded
from deploy.doctor.policies import CHECK, bindings_in, judged
from deploy.doctor.reading import AbsentError, Call, Google, UnseenError
from deploy.doctor.subjects import PUBSUB, RUN, SQL, STORAGE, Hold, Subject, serving, signing_key
from deploy.iam.stated import PROJECT
from shared.bus.pubsub_differences import subscription_differences
from shared.errors import UserError

DOCTOR: Final = "doctor"
PAGE: Final = 1_000

_THERE: Final = "there"


class Examiner:
    """Looks; an API that refuses is a line that says so, and the rest goes on.

    Args:
        google: where.
        its: what should be.
        objects: how many below each prefix of a bucket.
        now: in UTC; backups are so old then.
    """

    def __init__(self, google: Google, its: Installed, *, objects: int, now: datetime) -> None:
        self._google = google
        self._its = its
        self._objects = objects
        self._now = now

    def subject(self, one: Subject) -> Iterator[Line]:
        """Yield what becomes of a resource's checks, and of its policy."""
        try:
            if one.call is not None:
                yield from self._holds(one.resource, one.call, one.holds)
            if one.policy is not None:
                policy = self._google.ask(one.policy)
                yield from judged(one.resource, bindings_in(policy), self._its)
                if one.resource == PROJECT:
                    yield from recorded(policy)
        except AbsentError:
            yield Line(Status.DIFFERS, one.resource, "is", _THERE, NOTHING)
        except UnseenError as error:
            yield self._unseen(one.resource, CHECK, error)

    def _holds(self, resource: str, call: Call, holds: tuple[Hold, ...]) -> Iterator[Line]:
        # Only what is compared is asked for: no variable of a service, no name of a file.
        asked = ",".join(hold.at.replace("[]", "").replace(".", "/") for hold in holds)
        try:
            said = self._google.ask(call.with_params(fields=asked))
        except UnseenError as error:
            yield self._unseen(resource, ", ".join(hold.check for hold in holds), error)
            return
        for hold in holds:
            value = _at(said, hold.at)
            yield compared(resource, hold.check, hold.expected, told(value), same=hold.holds(value))

    def listing(self, one: Listing) -> Iterator[Line]:
        """Yield what is there and in no table."""
        check = f"no other {one.what}"
        try:
            found = {_name(item) for item in self._google.every(one.call, one.items)}
        except AbsentError:
            return  # said where the resource itself is looked at
        except UnseenError as error:
            yield self._unseen(one.resource, check, error)
            return
        extra = sorted(found - {*one.known})
        for name in extra:
            yield Line(Status.DIFFERS, one.resource, check, NOTHING, told(name))
        if not extra:
            yield Line(Status.OK, one.resource, check, NOTHING, NOTHING)

    def subscription(self, name: str) -> Iterator[Line]:
        """Yield how a subscription differs from the topology's, as ``topology diff`` has it."""
        resource, check = f"subscription/{name}", "push, dead letters, clocks"
        call = Call(PUBSUB, f"/v1/projects/{self._its.project}/subscriptions/{name}")
        try:
            said = self._google.ask(call)
            have = types.Subscription.from_json(json.dumps(said), ignore_unknown_fields=True)
        except AbsentError:
            return  # said where its policy is looked at
        except UnseenError as error:
            yield self._unseen(resource, check, error)
            return
        except (ParseError, TypeError, ValueError):
            yield self._unseen(resource, check, UnseenError("an API answers garbage"))
            return
        want = self._its.wanted.subscriptions[name]
        found = list(subscription_differences(have, want, emulator=False))
        for one in found:
            yield Line(Status.DIFFERS, resource, one.field, told(one.want), told(one.have))
        if not found:
            yield Line(Status.OK, resource, check, "as in the topology", "as in the topology")

    def notifications(self, name: str) -> Iterator[Line]:
        """Yield whom a bucket tells of new objects: its topic, or nobody."""
        topic = self._its.stated.buckets[name].notifies
        path = f"projects/{self._its.project}/topics/{topic}"
        want = f"//{PUBSUB}/{path} of OBJECT_FINALIZE" if topic else NOTHING
        call = Call(STORAGE, f"/storage/v1/b/{self._its.bucket(name)}/notificationConfigs")
        try:
            told_to = self._google.every(
                call.with_params(fields="items/topic,items/event_types"), "items"
            )
        except AbsentError:
            return
        except UnseenError as error:
            yield self._unseen(f"bucket/{name}", "tells", error)
            return
        heard = [
            f"{one.get('topic')} of {told(one.get('event_types') or 'everything')}"
            for one in told_to
            if isinstance(one, dict)
        ]
        found = told(sorted(heard))
        yield compared(f"bucket/{name}", "tells", want, found, same=found == want)

    def objects(self, name: str, prefix: str) -> Iterator[Line]:
        """Yield whether the first objects below a prefix lie under the bucket's key.

        Cloud Storage lists by name alone. Ours are keyed hashes: the first are of any age.
        """
        bucket = self._its.stated.buckets[name]
        key, resource = self._its.key(bucket.key), f"bucket/{name}"
        check = f"objects in {prefix}" if prefix else "objects"
        asked = {"fields": "items/kmsKeyName,nextPageToken", "maxResults": str(PAGE)}
        call = Call(STORAGE, f"/storage/v1/b/{self._its.bucket(name)}/o", asked)
        seen = under = 0
        try:
            for page in self._google.pages(call.with_params(prefix=prefix), "items"):
                for one in page[: self._objects - seen]:
                    seen += 1
                    version = one.get("kmsKeyName") if isinstance(one, dict) else None
                    under += str(version).partition("/cryptoKeyVersions/")[0] == key
                if seen >= self._objects:
                    break
        except AbsentError:
            return
        except UnseenError as error:
            yield self._unseen(resource, check, error)
            return
        found = f"{under} of the {seen} looked at"
        yield compared(resource, check, f"every one under {key}", found, same=under == seen)

    def processors(self) -> Iterator[Line]:
        """Yield each processor's key: a request to Document AI carries none."""
        its = self._its
        key = its.key_of("documentai")
        call = Call(
            f"{its.region}-documentai.googleapis.com",
            f"/v1/projects/{its.project}/locations/{its.region}/processors",
            {"fields": "processors/name,processors/kmsKeyName,nextPageToken"},
        )
        try:
            found = self._google.every(call, "processors")
        except AbsentError:
            found = []
        except UnseenError as error:
            yield self._unseen("processors", "key", error)
            return
        for one in found:
            has = one.get("kmsKeyName") if isinstance(one, dict) else None
            yield compared(f"processor/{_name(one)}", "key", key, told(has), same=has == key)
        if not found:
            yield Line(Status.OK, "processors", "key", key, "no processor")

    def revisions(self, name: str) -> Iterator[Line]:
        """Yield of each revision that has traffic, or an address of its own, what must hold there.

        A release names those that serve, so what the service's template says may serve nobody.
        """
        service = self._its.stated.services[name]
        area = f"/v2/projects/{self._its.project}/locations/{self._its.region}"
        asked = {"fields": "latestReadyRevision,trafficStatuses/revision"}
        try:
            said = self._google.ask(Call(RUN, f"{area}/services/{service.name}", asked))
        except AbsentError:
            return  # said where the service itself is looked at
        except UnseenError as error:
            yield self._unseen(f"service/{name}", "what serves", error)
            return
        latest = str(said.get("latestReadyRevision") or "").rpartition("/")[2]
        named = _at(said, "trafficStatuses[].revision") or []
        for revision in sorted({str(one or latest) for one in [*named, latest]} - {""}):
            yield from self.subject(serving(self._its, name, revision))

    def backups(self, name: str) -> Iterator[Line]:
        """Yield how old the oldest backup of a database is."""
        instance = self._its.stated.databases[name].instance
        path = f"/v1/projects/{self._its.project}/instances/{instance}/backupRuns"
        asked = {"fields": "items/endTime,items/status,items/type,nextPageToken"}
        try:
            runs = self._google.every(Call(SQL, path, asked), "items")
            yield oldest(f"database/{name}", runs, self._now)
        except AbsentError:
            return  # said where the database itself is looked at
        except UnseenError as error:
            yield self._unseen(f"database/{name}", OLDEST, error)

    def signers(self, ring: str) -> Iterator[Line]:
        """Yield of each tenant's key that nobody may sign with it but whom the ring lets."""
        try:
            keys = self._google.every(keys_of(self._its, ring), "cryptoKeys")
        except AbsentError:
            return
        except UnseenError as error:
            yield self._unseen(f"ring/{ring}", "keys", error)
            return
        for one in keys:
            yield from self.subject(signing_key(self._its, ring, _name(one)))

    def _unseen(self, resource: str, check: str, error: UnseenError) -> Line:
        found = str(error)
        if error.denied:
            found += f": it takes {self._role_for(resource)}"
        return Line(Status.UNKNOWN, resource, check, "to be looked at", found)

    def _role_for(self, resource: str) -> str:
        """Return the role that reads a resource; the project's, where none narrower does."""
        for place in (resource, resource.rpartition("/")[0], "project"):
            for grant in self._its.matrix.grants:
                if grant.identity == DOCTOR and grant.resource == place:
                    return self._its.role(grant.role)
        raise UserError("infra/iam.yaml grants the doctor nothing")


def _at(said: Any, path: str) -> Any:  # noqa: ANN401 - whatever an API answers
    """Return what is at ``a.b[].c``; None where there is nothing."""
    head, _, rest = path.partition(".")
    name = head.removesuffix("[]")
    value = said.get(name) if isinstance(said, dict) else None
    if name == head:
        return _at(value, rest) if rest else value
    return [_at(one, rest) for one in value] if isinstance(value, list) else None


def _name(item: Any) -> str:  # noqa: ANN401 - whatever an API answers
    """Return what a list calls one of its items; a bare name is whole."""
    if isinstance(item, dict):
        return str(item.get("name", "")).rpartition("/")[2]
    return str(item)
