"""Whose token ``docledger smoke`` brings: one in a variable or file, or its own identity's.

A Cloud Run job asks the metadata server for an ID token of the account that it runs as, made for
the one API that it is sent to.

Source: cloud.google.com/run/docs/securing/service-identity#identity_tokens.
"""

import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from deploy.cli.smoke_http import Api, RefusedError
from shared.errors import TransientError, UserError
from shared.production import JOB
from shared.secrets.embedded import EnvironmentSecrets

METADATA: Final = "metadata"

_HOST: Final = "GCE_METADATA_HOST"  # as Google's own libraries have it
_PATH: Final = "/computeMetadata/v1/instance/service-accounts/default/identity"


def token_for(
    name: str | None, url: str, *, environ: Mapping[str, str] | None = None
) -> str | None:
    """Return the token for one API, None for none.

    Args:
        name: ``env:VARIABLE``, ``file:/path`` or ``metadata``; None is ``metadata`` in a Cloud Run
            job, else no token.
        url: of the API, which is the token's audience.
        environ: what to read instead of the process's environment.

    Raises:
        UserError: there is no such secret.
        TransientError: the metadata server does not answer.
    """
    environ = os.environ if environ is None else environ
    if name is None and environ.get(JOB) and url.startswith("https://"):
        name = METADATA
    if name is None:
        return None
    if name != METADATA:
        return EnvironmentSecrets(environ).read(name).reveal().decode("ascii", "replace").strip()
    asked = urlencode({"audience": url.rstrip("/"), "format": "full"})
    server = Api(f"http://{environ.get(_HOST) or 'metadata.google.internal'}")
    try:
        given = server.get(f"{_PATH}?{asked}", {"Metadata-Flavor": "Google"})
    except RefusedError as err:
        raise UserError(f"the metadata server gives no token: {err}") from err
    except TransientError as err:
        raise TransientError("the metadata server gives no token: name another source") from err
    if given is None:
        raise UserError("this machine has no service account: name --submit-token")
    return given.decode("ascii", "replace").strip()
