"""Where foreign bytes are parsed: child processes without keys, files or network.

Import from the modules (``shared.sandbox.pool``), so that a child loads only what it needs.
"""
