"""What the doctor asks Google for is what ``infra/calls.yaml`` declares, and so what it may ask."""

import re
from typing import Final

from google.auth.transport.requests import AuthorizedSession
from google.oauth2.credentials import Credentials

from deploy.doctor.examination import Wish, examine
from deploy.doctor.reading import Google
from deploy.iam.calls import load_calls
from deploy.iam.matrix import load_matrix
from tests.emulators.googleapis import TOKEN, InProcess
from tests.emulators.googleapis_site import PROJECT, REGION, right

METHODS: Final = {
    name: one for name, one in load_calls().methods.items() if one.module == "docledger doctor"
}

_AREA: Final = r"/v\d/projects/[^/]+/locations/[^/]+"
_IAM: Final = "google.iam.v1.IAMPolicy.GetIamPolicy"
_KMS: Final = "google.cloud.kms.v1.KeyManagementService"
_RUN: Final = "google.cloud.run.v2"
_ACCOUNT: Final = r"iam/v1/projects/[^/]+/serviceAccounts/[^/:]+"

CALLS: Final = {
    r"GET storage/storage/v1/b": "storage.buckets.list",
    r"GET storage/storage/v1/b/[^/]+": "storage.buckets.get",
    r"GET storage/storage/v1/b/[^/]+/iam": "storage.buckets.getIamPolicy",
    r"GET storage/storage/v1/b/[^/]+/o": "storage.objects.list",
    r"GET storage/storage/v1/b/[^/]+/notificationConfigs": "storage.notifications.list",
    r"GET pubsub/v1/projects/[^/]+/topics": "google.pubsub.v1.Publisher.ListTopics",
    r"GET pubsub/v1/projects/[^/]+/topics/[^/:]+": "google.pubsub.v1.Publisher.GetTopic",
    r"GET pubsub/v1/projects/[^/]+/topics/[^/]+/subscriptions": (
        "google.pubsub.v1.Publisher.ListTopicSubscriptions"
    ),
    r"GET pubsub/v1/projects/[^/]+/subscriptions": "google.pubsub.v1.Subscriber.ListSubscriptions",
    r"GET pubsub/v1/projects/[^/]+/subscriptions/[^/:]+": (
        "google.pubsub.v1.Subscriber.GetSubscription"
    ),
    r"GET (pubsub|cloudkms)/.+:getIamPolicy": _IAM,
    rf"GET cloudkms{_AREA}/keyRings/[^/]+/cryptoKeys": f"{_KMS}.ListCryptoKeys",
    rf"GET cloudkms{_AREA}/keyRings/[^/]+/cryptoKeys/[^/:]+": f"{_KMS}.GetCryptoKey",
    r"GET secretmanager/v1/projects/[^/]+/secrets": (
        "google.cloud.secretmanager.v1.SecretManagerService.ListSecrets"
    ),
    r"GET secretmanager/v1/projects/[^/]+/secrets/[^/:]+": (
        "google.cloud.secretmanager.v1.SecretManagerService.GetSecret"
    ),
    r"GET secretmanager/.+:getIamPolicy": (
        "google.cloud.secretmanager.v1.SecretManagerService.GetIamPolicy"
    ),
    r"GET sqladmin/v1/projects/[^/]+/instances": "sqladmin.instances.list",
    r"GET sqladmin/v1/projects/[^/]+/instances/[^/]+": "sqladmin.instances.get",
    r"GET sqladmin/v1/projects/[^/]+/instances/[^/]+/backupRuns": "sqladmin.backupRuns.list",
    rf"GET run{_AREA}/services": f"{_RUN}.Services.ListServices",
    rf"GET run{_AREA}/services/[^/:]+": f"{_RUN}.Services.GetService",
    rf"GET run{_AREA}/services/[^/]+/revisions/[^/]+": f"{_RUN}.Revisions.GetRevision",
    rf"GET run{_AREA}/services/.+:getIamPolicy": f"{_RUN}.Services.GetIamPolicy",
    rf"GET run{_AREA}/jobs": f"{_RUN}.Jobs.ListJobs",
    rf"GET run{_AREA}/jobs/[^/:]+": f"{_RUN}.Jobs.GetJob",
    rf"GET run{_AREA}/jobs/.+:getIamPolicy": f"{_RUN}.Jobs.GetIamPolicy",
    rf"GET artifactregistry{_AREA}/repositories/[^/:]+": (
        "google.devtools.artifactregistry.v1.ArtifactRegistry.GetRepository"
    ),
    r"GET artifactregistry/.+:getIamPolicy": (
        "google.devtools.artifactregistry.v1.ArtifactRegistry.GetIamPolicy"
    ),
    rf"GET logging{_AREA}/buckets/[^/]+": "google.logging.v2.ConfigServiceV2.GetBucket",
    r"GET logging/v2/projects/[^/]+/sinks": "google.logging.v2.ConfigServiceV2.ListSinks",
    r"GET logging/v2/projects/[^/]+/sinks/[^/]+": "google.logging.v2.ConfigServiceV2.GetSink",
    rf"GET {_ACCOUNT}": "google.iam.admin.v1.IAM.GetServiceAccount",
    rf"GET {_ACCOUNT}/keys": "google.iam.admin.v1.IAM.ListServiceAccountKeys",
    rf"POST {_ACCOUNT}:getIamPolicy": "google.iam.admin.v1.IAM.GetIamPolicy",
    r"GET iam/v1/projects/[^/]+/roles/[^/]+": "google.iam.admin.v1.IAM.GetRole",
    r"GET cloudresourcemanager/v3/projects/[^/:]+": (
        "google.cloud.resourcemanager.v3.Projects.GetProject"
    ),
    r"POST cloudresourcemanager/v3/projects/[^/]+:getIamPolicy": (
        "google.cloud.resourcemanager.v3.Projects.GetIamPolicy"
    ),
    rf"GET {REGION}-documentai{_AREA}/processors": (
        "google.cloud.documentai.v1.DocumentProcessorService.ListProcessors"
    ),
}
"""By what is asked, without ``.googleapis.com``: the method as ``infra/calls.yaml`` has it."""


def _method(asked: str) -> str:
    asked = asked.replace(".googleapis.com", "")
    [found] = [name for pattern, name in CALLS.items() if re.fullmatch(pattern, asked)]
    return found


def test_what_is_asked_is_what_is_declared() -> None:
    """A call more would be refused in a project; a right more is one to be taken over with."""
    apis = right()
    session = AuthorizedSession(Credentials(TOKEN))  # type: ignore[no-untyped-call]
    session.trust_env = False
    session.mount("https://", InProcess(apis))
    examine(Google(session), load_matrix(), Wish(PROJECT, REGION))
    session.close()  # type: ignore[no-untyped-call]
    assert {_method(one) for one in apis.asked} == {
        name for method in METHODS.values() for name in method.calls
    }
    assert apis.wrong == []
