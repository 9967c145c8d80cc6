"""``python -m deploy.cli``: the command where no script of that name is installed."""

from deploy.cli.main import main

main()
