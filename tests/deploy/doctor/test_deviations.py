"""Each single deviation makes exactly its own line fail."""

import pickle
from collections.abc import Iterator
from typing import Final

import pytest
from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

from deploy.doctor.examination import Wish, examine
from deploy.doctor.lines import Code, Line, Status, code_of
from deploy.doctor.reading import Google
from deploy.iam.matrix import load_matrix
from shared.clock import FakeClock
from tests.deploy.doctor.breaking import Break, bind, new, other_key, put
from tests.deploy.doctor.deviations import DEVIATIONS, READ, STRANGER, WRAPPED
from tests.deploy.doctor.deviations_kept import KEPT, RUNS
from tests.emulators.googleapis import TOKEN, GoogleApis, InProcess
from tests.emulators.googleapis_site import (
    EXTERNAL,
    IAM_API,
    KMS,
    PROCESSORS,
    PROJECT,
    PUBSUB,
    REGION,
    SINKS,
    STORAGE,
    bucket,
    right,
)

MATRIX: Final = load_matrix()
EVERY: Final = DEVIATIONS | KEPT
RIGHT: Final = pickle.dumps(right())  # quicker than a deep copy


@pytest.fixture(scope="module")
def session() -> Iterator[AuthorizedSession]:
    """Give one session; making one costs more than a hundred questions."""
    made = AuthorizedSession(Credentials(TOKEN))  # type: ignore[no-untyped-call]
    made.trust_env = False
    yield made
    made.close()  # type: ignore[no-untyped-call]


def examined(
    session: AuthorizedSession, apis: GoogleApis, *only: str, accepted: tuple[str, ...] = ()
) -> list[Line]:
    """Return the lines about some resources; nothing was written."""
    session.mount("https://", InProcess(apis))
    wish = Wish(
        PROJECT,
        REGION,
        external={name: [member] for name, member in EXTERNAL.items()},
        accepted=accepted,
        only=only,
    )
    clock = FakeClock()
    lines = examine(Google(session, clock=clock), MATRIX, wish, clock=clock)
    assert apis.wrong == []
    return lines


def only_of(resource: str) -> str:
    """Return what to look at for a resource's lines."""
    kind, _, rest = resource.partition("/")
    if kind == "processor":
        return "processors"
    if kind == "sink":
        return kind
    nested = kind == "service" or rest.startswith("signers/")
    return resource.rpartition("/")[0] if nested and "/" in rest else resource


@pytest.mark.parametrize("name", EVERY)
def test_one_deviation_is_one_line(session: AuthorizedSession, name: str) -> None:
    """A finding says which resource, which check; everything else about it stays right."""
    resource, check, breaks = EVERY[name]
    apis: GoogleApis = pickle.loads(RIGHT)
    breaks(apis)
    lines = examined(session, apis, only_of(resource))
    wrong = [(line.resource, line.check) for line in lines if line.status is Status.DIFFERS]
    assert wrong == [(resource, check)]
    assert code_of(lines) is Code.DIFFERS


@pytest.mark.parametrize(
    ("resource", "breaks", "accepted"),
    [
        ("project", bind("project", "roles/owner", STRANGER), f"project roles/owner {STRANGER}"),
        ("buckets", new(f"{STORAGE}/state"), "buckets state"),
    ],
    ids=["administrator", "bucket"],
)
def test_what_somebody_accepted_is_shown_and_no_finding(
    session: AuthorizedSession, resource: str, breaks: Break, accepted: str
) -> None:
    """A project has administrators, whom no table of ours names; evidence names them."""
    apis: GoogleApis = pickle.loads(RIGHT)
    breaks(apis)
    lines = examined(session, apis, resource, accepted=(accepted,))
    assert accepted in {line.text for line in lines if line.status is Status.ACCEPTED}
    assert code_of(lines) is Code.AS_IT_SHOULD_BE


def test_only_more_than_the_tables_say_can_be_accepted(session: AuthorizedSession) -> None:
    """A key that is missing, or a lock on what must be erasable, is no matter of taste."""
    apis: GoogleApis = pickle.loads(RIGHT)
    put(WRAPPED, "retentionPolicy.retentionPeriod", "86400")(apis)
    other_key(WRAPPED, "encryption.defaultKmsKeyName")(apis)
    lines = examined(session, apis, "bucket/wrapped")
    accepted = tuple(line.text for line in lines)
    again = examined(session, apis, "bucket/wrapped", accepted=accepted)
    assert code_of(again) is Code.DIFFERS


def test_a_stranger_is_found_beside_a_refusal(session: AuthorizedSession) -> None:
    """Not to have seen everything outweighs what was seen, and hides nothing of it."""
    apis: GoogleApis = pickle.loads(RIGHT)
    bind("bucket/log", READ, STRANGER)(apis)
    apis.faults[f"{STORAGE}/{bucket('objects')}"] = 403
    lines = examined(session, apis, "bucket")
    assert {Status.DIFFERS, Status.UNKNOWN} <= {line.status for line in lines}
    assert code_of(lines) is Code.NOT_SEEN


def test_objects_are_looked_at_page_by_page_up_to_a_bound(session: AuthorizedSession) -> None:
    """A bucket of millions is sampled, and the line says how many were looked at."""
    apis: GoogleApis = pickle.loads(RIGHT)
    session.mount("https://", InProcess(apis))
    wish = Wish(PROJECT, REGION, only=("bucket/objects",), objects=4)
    lines = examine(Google(session, clock=FakeClock()), MATRIX, wish)
    [line] = [line for line in lines if line.check == "objects in originals/"]
    assert line.found == "4 of the 4 looked at"


def test_nothing_looked_at_is_not_success() -> None:
    """An empty examination opens no gate."""
    assert code_of([]) is Code.NOT_SEEN


@pytest.mark.parametrize("bad", [None, True, [[1]], {"a": 1}], ids=str)
def test_answers_of_other_types_are_findings(session: AuthorizedSession, bad: object) -> None:
    """Whatever an API says: no traceback, no success."""
    apis: GoogleApis = pickle.loads(RIGHT)
    for place, its in apis.resources.items():
        if not place.startswith("cloudresourcemanager."):
            its.update(dict.fromkeys(its, bad))
    only = (
        "bucket",
        "subscription",
        "database",
        "service",
        "key",
        "role",
        "processors",
        "topics",
        "sink",
    )
    lines = examined(session, apis, *only)
    assert Status.DIFFERS in {line.status for line in lines}
    assert code_of(lines) is not Code.AS_IT_SHOULD_BE


@pytest.mark.parametrize(
    ("only", "place", "line"),
    [
        ("bucket/log", f"{STORAGE}/{bucket('log')}/iam", ("bucket/log", "may", "inspectBuckets")),
        (
            "bucket/audit",
            f"{STORAGE}/{bucket('audit')}/o",
            ("bucket/audit", "objects", "inspectBuckets"),
        ),
        (
            "bucket/log",
            f"{STORAGE}/{bucket('log')}/notificationConfigs",
            ("bucket/log", "tells", "inspectBuckets"),
        ),
        ("processors", PROCESSORS, ("processors", "key", "inspectProject")),
        (
            "ring/signers",
            f"{KMS}/docledger-signers/cryptoKeys",
            ("ring/signers", "keys", "inspectRings"),
        ),
        ("sinks", SINKS, ("sinks", "no other sink", "inspectProject")),
        ("database", RUNS, ("database/books", "oldest backup", "inspectProject")),
        ("topics", f"{PUBSUB}/topics", ("topics", "no other topic", "inspectProject")),
        (
            "role/tell",
            f"{IAM_API}/roles/docledger.tell",
            ("role/tell", "permissions, deleted", "inspectProject"),
        ),
    ],
    ids=lambda one: one if isinstance(one, str) and len(one) < 20 else "",
)
def test_one_refusal_is_one_line_and_the_role_it_takes(
    session: AuthorizedSession, only: str, place: str, line: tuple[str, str, str]
) -> None:
    """Whoever runs the doctor is told what to grant it; all else was looked at."""
    apis: GoogleApis = pickle.loads(RIGHT)
    apis.faults[place] = 403
    lines = examined(session, apis, only)
    [unseen] = [one for one in lines if one.status not in {Status.OK, Status.ACCEPTED}]
    resource, check, role = line
    assert (unseen.status, unseen.resource, unseen.check) == (Status.UNKNOWN, resource, check)
    assert unseen.found.endswith(f"it takes projects/{PROJECT}/roles/docledger.{role}")
