"""``python -m tests.simulation``: run seeds, or one of them with its schedule."""

import argparse
import sys
import time

from tests.simulation.mutations import MUTATIONS, planted
from tests.simulation.run import Verdict, run
from tests.simulation.sweep import sweep


def main() -> int:
    """Run what was asked for; 1 when anything was violated."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--jobs", type=int, default=2, help="processes side by side")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--trace", action="store_true", help="print the schedule of --seed")
    parser.add_argument("--mutation", choices=sorted(MUTATIONS), help="break this guard")
    arguments = parser.parse_args()
    started = time.perf_counter()
    if arguments.seed is not None:
        with planted(arguments.mutation):
            verdict = run(arguments.seed, trace=arguments.trace)
        _print(*verdict.trace)
        found = [verdict] if verdict.violations else []
        count = 1
    else:
        count = arguments.seeds
        found = list(
            sweep(arguments.first, count, jobs=arguments.jobs, mutation=arguments.mutation)
        )
    for verdict in sorted(found, key=lambda one: one.seed):
        _print(*_told(verdict, arguments.mutation))
    seconds = time.perf_counter() - started
    violations = sum(len(verdict.violations) for verdict in found)
    _print(f"{count} seeds, {seconds:.1f} s, {violations} violations in {len(found)} seeds")
    return 1 if found else 0


def _told(verdict: Verdict, mutation: str | None) -> list[str]:
    again = f" --mutation {mutation}" if mutation else ""
    return [
        f"seed {verdict.seed}: python -m tests.simulation --seed {verdict.seed} --trace{again}",
        *(f"  {violation}" for violation in verdict.violations),
    ]


def _print(*lines: str) -> None:
    for line in lines:
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
