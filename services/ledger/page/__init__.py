"""The auditor's page: lists a tenant's log and proves entries in the browser, by itself.

It is files of ours and nothing else: no framework, nothing from elsewhere, no script in the markup.
They hold no data, so they are given to anybody; what they ask the API for, the API decides.
"""

from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request, Response

from services.ledger.api_log import tagged
from shared.api.problems import ProblemError
from shared.telemetry.apis import ApiProblem

_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

_DIRECTIVES: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",  # innerHTML and its like throw
    "trusted-types 'none'",
)

HEADERS: Final = {
    "cache-control": "no-cache",
    "content-security-policy": "; ".join(_DIRECTIVES),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "no-referrer",
}


def add_page(app: FastAPI) -> None:
    """Serve the page at ``/`` and its files at ``/page/…``."""
    folder = Path(__file__).parent
    files = {
        path.name: (path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(folder.iterdir())
        if path.suffix in _TYPES
    }

    def read_page(request: Request) -> Response:
        found = files.get(request.path_params.get("name", "index.html"))
        if found is None:
            raise ProblemError(ApiProblem.NOT_FOUND)
        return tagged(request, *found, dict(HEADERS))

    for path in ("/", "/page/{name}"):
        app.add_api_route(path, read_page, include_in_schema=False)
