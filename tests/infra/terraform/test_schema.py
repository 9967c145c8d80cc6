"""Our blocks against the provider's real schema."""

import gzip
import json
from pathlib import Path

import pytest

from tests.infra.terraform.configuration import Block, blocks_of, modules
from tests.infra.terraform.cut_schema import cut
from tests.infra.terraform.schema import VENDORED, Schema

WHOLE = Path(__file__).resolve().parents[4] / "shared/data/terraform/google-provider-schema.json.gz"

GOOD = """
resource "google_pubsub_subscription" "this" {
  name  = "a"
  topic = "b"

  expiration_policy {
    ttl = ""
  }

  dynamic "dead_letter_policy" {
    for_each = []

    content {
      dead_letter_topic = "c"
    }
  }
}
"""


def test_the_provider_knows_every_block_of_ours() -> None:
    """No provider can be downloaded here: what it would refuse must be found without it."""
    schema = Schema.vendored()
    blocks = [block for one in modules() for block in one.blocks if _checked(block)]
    assert len(blocks) > 40
    assert [problem for block in blocks for problem in schema.problems(block)] == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name  = "a"', 'name  = "a"\n  nmae = "a"', "unknown argument nmae"),
        ("expiration_policy {", "expiry_policy {", "unknown block expiry_policy"),
        ('topic = "b"', "", "topic is missing"),
        ('ttl = ""', "", "expiration_policy: ttl is missing"),
        ('ttl = ""', 'ttl = ""\n    days = 1', "expiration_policy: unknown argument days"),
        ('"dead_letter_policy"', '"dead_letters"', "unknown block dead_letters"),
        ("dead_letter_topic =", "dead_topic =", "dead_letter_policy: unknown argument dead_topic"),
        ('topic = "b"', 'topic {\n    id = "b"\n  }', "topic is an argument, not a block"),
        ('topic = "b"', 'topic = "b"\n  push_config = {}', "push_config is a block, not an arg"),
        ("google_pubsub_subscription", "google_pubsub_subscribtion", "the provider has no"),
    ],
)
def test_what_the_provider_would_refuse_is_found(old: str, new: str, problem: str) -> None:
    """Each mistake that a person makes in a block, made."""
    schema = Schema.vendored()
    assert old in GOOD
    (good,), (bad,) = blocks_of(GOOD, "good.tf"), blocks_of(GOOD.replace(old, new, 1), "bad.tf")
    assert list(schema.problems(good)) == []
    assert any(problem in found for found in schema.problems(bad))


def test_what_is_vendored_is_what_is_in_use() -> None:
    """A type that is used no more must not stay, nor one be used that nobody checked."""
    vendored = json.loads(VENDORED.read_text(encoding="utf-8"))
    assert cut(vendored) == vendored
    used = {block.labels[0] for one in modules() for block in one.blocks if _checked(block)}
    assert used == vendored["resources"].keys() | vendored["data"].keys()


def test_what_is_vendored_is_the_providers() -> None:
    """Test data that somebody bent to fit would check nothing."""
    if not WHOLE.exists():
        pytest.skip("the whole schema is not beside the project")
    vendored = json.loads(VENDORED.read_text(encoding="utf-8"))
    assert cut(json.loads(gzip.decompress(WHOLE.read_bytes()))) == vendored


def _checked(block: Block) -> bool:
    return block.kind in {"resource", "data"}
