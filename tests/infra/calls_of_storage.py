"""What a request to Cloud Storage's JSON API asks for: a method, a bucket, an object."""

import json
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_PATH: Final = re.compile(
    r"/(?:(?P<way>upload|download)/)?storage/v1/b/(?P<bucket>[^/]+)(?P<objects>/o(?:/(?P<name>.+))?)?"
)


@dataclass(frozen=True, slots=True)
class StorageCall:
    """One call.

    Attributes:
        method: of the API, ``storage.objects.get``.
        bucket: its name.
        name: of the object; empty where the bucket itself is meant.
        replaces: whether what is there may be written over.
        key: of Cloud KMS, that a write names.
    """

    method: str
    bucket: str
    name: str = ""
    replaces: bool = False
    key: str = ""

    @property
    def permissions(self) -> tuple[str, ...]:
        """What Google checks it for, at first."""
        if self.method == "storage.objects.insert":
            more = ("storage.objects.delete",) if self.replaces else ()
            return ("storage.objects.create", *more)
        return (self.method,)


def storage_call(method: str, path: str, body: bytes) -> StorageCall | None:
    """Return what a request asks for; None when no client of ours asks so."""
    url = urlsplit(path)
    found = _PATH.fullmatch(url.path)
    if found is None:
        return None
    bucket, name = unquote(found["bucket"]), unquote(found["name"] or "")
    if found["way"] == "upload" and method == "POST":
        query = parse_qs(url.query)
        told = query.get("name") or [_named_in(body)]
        replaces = query.get("ifGenerationMatch") != ["0"]
        (key,) = query.get("kmsKeyName", [""])
        return StorageCall("storage.objects.insert", bucket, told[0], replaces, key)
    what = "objects" if found["objects"] else "buckets"
    if method == "GET":
        verb = "list" if found["objects"] and not name else "get"
        return StorageCall(f"storage.{what}.{verb}", bucket, name)
    if method == "DELETE" and name:
        return StorageCall("storage.objects.delete", bucket, name)
    return None


def _named_in(body: bytes) -> str:
    """Return the name in an upload's description: all of it, or the first of its two parts."""
    start = body.find(b"{")
    described, _ = json.JSONDecoder().raw_decode(body[start : start + 4096].decode("latin-1"))
    return str(described["name"])
