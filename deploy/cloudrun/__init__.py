"""The deployables: each worker as a service of its own."""
