"""The Cloud Storage emulator, one for all tests of a process."""
