"""The only place in this service that imports a vendor SDK."""
