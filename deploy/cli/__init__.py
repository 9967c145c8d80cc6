"""The docledger command."""
