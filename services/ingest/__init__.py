"""The front door and the register."""
