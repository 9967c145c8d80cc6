"""A transparency log that outsiders can verify (C2SP formats); imports only cryptography."""
