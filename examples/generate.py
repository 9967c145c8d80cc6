"""Write the examples: ``python -m examples.generate OUT [--count N] [--seed S]``.

The truth goes to ``OUT/.truth.json``: a run over the folder passes over dotfiles.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from examples.fixed import DEFAULT_SEED, fast_examples, fixed_examples
from examples.stream import invoice_stream
from examples.truth import Example, example_json

__all__ = ["TRUTH_NAME", "invoice_stream", "main", "save_examples", "write_examples"]

TRUTH_NAME: Final = ".truth.json"


def save_examples(folder: Path, examples: Iterable[Example]) -> list[Example]:
    """Write files and truth into ``folder`` (made if need be); return the examples.

    Args:
        folder: where the files go; ``TRUTH_NAME`` in it is replaced.
        examples: with distinct names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = list(examples)
    for example in written:
        (folder / example.name).write_bytes(example.content)
    truth = {example.name: example_json(example) for example in written}
    text = json.dumps(truth, indent=1, ensure_ascii=True)
    (folder / TRUTH_NAME).write_text(text + "\n", encoding="ascii")
    return written


def write_examples(
    folder: Path, *, seed: int = DEFAULT_SEED, count: int = 0, fast: bool = False
) -> list[Example]:
    """Write the fixed set into ``folder``; return it.

    Args:
        folder: made if need be.
        seed: same seed, same bytes.
        count: of invoices from the stream to add.
        fast: leaves out what needs OCR.
    """
    fixed = fast_examples(seed) if fast else fixed_examples(seed)
    return save_examples(folder, [*fixed, *invoice_stream(seed, count)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="examples.generate", description=__doc__)
    parser.add_argument("folder", type=Path, metavar="OUT", help="where to write")
    parser.add_argument("--count", type=int, default=0, metavar="N", help="add N varied invoices")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, metavar="S")
    parser.add_argument("--fast", action="store_true", help="only what needs no OCR")
    options = parser.parse_args(arguments)
    written = write_examples(
        options.folder, seed=options.seed, count=options.count, fast=options.fast
    )
    sys.stdout.write(f"{len(written)} examples in {options.folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
