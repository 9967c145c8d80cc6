"""The register, opened where the settings say it is."""

from pathlib import Path

from services.ingest.budget import Budgets
from services.ingest.register_order import Deadlines
from services.ingest.register_schema import REGISTER
from services.ingest.register_sql import SqlRegister
from services.ingest.settings import RegisterSettings
from shared.database.opening import open_database


def open_register(
    file: Path, deadlines: Deadlines, *, settings: RegisterSettings | None = None
) -> SqlRegister:
    """Return the register on the server that the settings name, or in ``file``.

    Args:
        file: made on first use; left alone where the settings name a server.
        deadlines: how long a document may stay in a stage (``Topology.deadline``).
        settings: read from the environment when None.

    Raises:
        TransientError: it cannot be opened now.
        UserError: the settings are wrong, or another version made the register.
    """
    settings = settings or RegisterSettings.from_environment()
    budgets = Budgets.read(settings.budgets)
    return SqlRegister(open_database(settings.database, file, REGISTER), deadlines, budgets)
