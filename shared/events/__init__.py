"""The event contract: CloudEvents, their payloads and what their references point at."""
