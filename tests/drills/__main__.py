"""Do the drills and write their evidence: ``python -m tests.drills [FOLDER]``.

FOLDER is where the dated pages go: ``docs/drills``.
"""

import argparse
import datetime as dt
import tempfile
from pathlib import Path
from typing import Final

from tests.drills import migration, restore
from tests.emulators.postgres import Postgres, postgres_folder

PAGES: Final = Path(__file__).resolve().parents[2] / "docs" / "drills"


def main() -> None:
    """Print and write a page for each drill."""
    parser = argparse.ArgumentParser(prog="tests.drills", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=PAGES)
    pages: Path = parser.parse_args().folder
    with postgres_folder() as folder:
        folder.mkdir()
        done = [restore.drill(folder)]
    with postgres_folder() as folder, tempfile.TemporaryDirectory() as logs:
        server = Postgres(folder)
        done.append(migration.drill(server, Path(logs)))
        server.stop()
    for evidence in done:
        at = dt.datetime.now(dt.UTC)
        print(evidence.page(at))  # noqa: T201 - whoever drills wants to see
        print(f"written to {evidence.write(pages, at)}")  # noqa: T201 - see above


if __name__ == "__main__":
    main()
