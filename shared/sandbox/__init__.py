"""Child processes in which foreign bytes are parsed."""
