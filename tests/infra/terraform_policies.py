"""Rules that every block of Terraform keeps, as it is written: no plan is needed to break one."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tests.infra.terraform.configuration import Block, Body, dynamic, nested, said
from tests.infra.terraform.schema import Schema

Rule = Callable[[Sequence[Block]], Iterator[str]]

KEY: Final = re.compile(
    r"(default_)?kms_key(_name|_id|_self_link)?|(kms_)?encryption_key(_name)?|crypto_key_name"
)
"""What the provider calls an argument that takes a key of the customer's."""

KEYLESS: Final = {
    "google_kms_crypto_key_iam_member": "it is about a key",
    "google_storage_bucket_object": "its bucket has one",
}
PRIMITIVE: Final = re.compile(r"roles/(owner|editor|viewer|browser|[a-z.]*[aA]dmin)\b")
EVERYBODY: Final = re.compile(r"\b(allUsers|allAuthenticatedUsers)\b")
PINNED: Final = re.compile(r"@sha256:[0-9a-f]{64}\b")

_AUTHORITATIVE: Final = re.compile(r"google_.*_iam_(binding|policy)")
_ON_THE_PROJECT: Final = "google_project_iam_member"
_CUSTOM: Final = "google_project_iam_custom_role."


def no_primitive_role(blocks: Sequence[Block]) -> Iterator[str]:
    """Owner, editor, viewer and administrators say everything at once."""
    for block in blocks:
        for text in _strings(block.body):
            if PRIMITIVE.search(text):
                yield f"{block}: {text}"


def nothing_on_the_project(blocks: Sequence[Block]) -> Iterator[str]:
    """On the project only roles of ours, which hold what Google checks nowhere else."""
    for block in _resources(blocks):
        if block.labels[0] == _ON_THE_PROJECT and _CUSTOM not in str(block.body.get("role")):
            yield f"{block}: a role of Google's on the project"
        if block.labels[0].startswith(("google_folder_iam", "google_organization_iam")):
            yield f"{block}: beyond the project"
        if _AUTHORITATIVE.fullmatch(block.labels[0]):
            yield f"{block}: takes from others what it does not know of"


def no_public_access(blocks: Sequence[Block]) -> Iterator[str]:
    """Everybody is nobody that one could name; and a bucket must refuse to be made public."""
    for block in blocks:
        for text in _strings(block.body):
            if EVERYBODY.search(text):
                yield f"{block}: {text}"
    for block in _resources(blocks):
        if block.labels[0] == "google_storage_bucket":
            if _plain(block.body.get("public_access_prevention")) != "enforced":
                yield f"{block}: can be made public"
            if _plain(block.body.get("uniform_bucket_level_access")) != "true":
                yield f"{block}: its objects have lists of their own"


def no_unpinned_image(blocks: Sequence[Block]) -> Iterator[str]:
    """A tag can be moved: an image is a digest, or a variable that takes nothing else."""
    asked = {
        block.labels[0]
        for block in blocks
        if block.kind == "variable" and "@sha256:" in str(block.body.get("validation"))
    }
    for block in _resources(blocks):
        for image in _named("image", block.body):
            name = re.search(r"var\.([a-z_]+)", image)
            if not (PINNED.search(image) or (name and name[1] in asked)):
                yield f"{block}: {image} is no digest"


def everything_has_its_key(blocks: Sequence[Block]) -> Iterator[str]:
    """Whatever the provider can encrypt with a key of the customer's is."""
    known = Schema.vendored().resources
    for block in _resources(blocks):
        kind = block.labels[0]
        can = {name for name in _arguments(known.get(kind, {})) if KEY.fullmatch(name)}
        if not can or kind in KEYLESS:
            continue
        given = {name for name in can for _ in _named(name, block.body)}
        if not given:
            yield f"{block}: has no {' or '.join(sorted(can))}"


def letters_are_kept(blocks: Sequence[Block]) -> Iterator[str]:
    """A subscription that may vanish takes its letters along; one without a policy has none."""
    found = [one for one in _resources(blocks) if one.labels[0] == "google_pubsub_subscription"]
    for block in found:
        ttl = [_plain(one) for one in _named("ttl", block.body)]
        if ttl != [""]:
            yield f"{block}: vanishes when it is idle"
        if not list(_named("dead_letter_topic", block.body)):
            yield f"{block}: has nowhere for its dead letters"
        if not list(_named("service_account_email", block.body)):
            yield f"{block}: pushes without a token"


RULES: Final[tuple[Rule, ...]] = (
    no_primitive_role,
    nothing_on_the_project,
    no_public_access,
    no_unpinned_image,
    everything_has_its_key,
    letters_are_kept,
)


def _resources(blocks: Sequence[Block]) -> Iterator[Block]:
    return (block for block in blocks if block.kind == "resource")


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, inner in said(value).items():
            yield name
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def _named(name: str, body: Body) -> Iterator[str]:
    """Yield what arguments of a name are given, however deep, in dynamic blocks too."""
    for argument, value in said(body).items():
        if argument == "dynamic":
            continue
        blocks = nested(value)
        if blocks is not None:
            for one in blocks:
                yield from _named(name, one)
        elif argument == name and value is not None and _plain(value) != "null":
            yield str(value)
    for _, made in dynamic(body):
        for content in made.get("content", ()):
            yield from _named(name, content)


def _arguments(schema: Mapping[str, Any]) -> Iterator[str]:
    for name, expected in schema.items():
        if isinstance(expected, str):
            yield name
        else:
            yield from _arguments(expected["block"])


def _plain(value: object) -> str:
    return str(value).strip('"').lower() if isinstance(value, bool) else str(value).strip('"')
