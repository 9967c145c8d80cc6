"""Secrets that workers read: from the environment or a file, or from Secret Manager."""
