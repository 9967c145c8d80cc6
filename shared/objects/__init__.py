"""Bytes at names: the port and the embedded implementation."""
