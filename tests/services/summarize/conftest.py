"""What these tests stand on."""

from tests.emulators.vertex import vertex_process, vertex_server

__all__ = ["vertex_process", "vertex_server"]
