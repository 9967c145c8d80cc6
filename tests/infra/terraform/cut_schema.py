"""Cuts the part of the provider's schema that our Terraform uses.

``python -m tests.infra.terraform.cut_schema ../shared/data`` after a new type of resource.
"""

import gzip
import json
import sys
from pathlib import Path

from tests.infra.terraform.configuration import modules
from tests.infra.terraform.schema import VENDORED


def cut(whole: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    """Return what is used of the whole schema; what it does not have is left out."""
    used = {
        (block.kind, block.labels[0]) for one in modules() for block in one.blocks if block.labels
    }
    return {
        table: {
            name: whole[table][name]
            for kind, name in sorted(used)
            if kind == of and name in whole[table]
        }
        for table, of in (("resources", "resource"), ("data", "data"))
    }


if __name__ == "__main__":
    source = Path(sys.argv[1]) / "terraform" / "google-provider-schema.json.gz"
    part = cut(json.loads(gzip.decompress(source.read_bytes())))
    VENDORED.write_text(json.dumps(part, indent=1, sort_keys=True) + "\n", encoding="utf-8")
