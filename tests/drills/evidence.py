"""What a drill leaves behind: a dated page that says what was done, and what it came to."""

import datetime as dt
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Evidence:
    """One drill's page, written as it goes.

    Attributes:
        name: of the drill.
        said: what it ran on.
        figures: what was measured: name, value, unit.
        notes: what was seen to be so, in order.
    """

    name: str
    said: dict[str, str] = field(default_factory=dict)
    figures: list[tuple[str, float, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def figure(self, name: str, value: float, unit: str) -> None:
        """Keep what was measured."""
        self.figures.append((name, value, unit))

    def note(self, seen: str) -> None:
        """Keep what was seen to be so; whoever writes it has asserted it."""
        self.notes.append(seen)

    def value(self, name: str) -> float:
        """Return a figure."""
        return next(value for named, value, _ in self.figures if named == name)

    def page(self, at: dt.datetime) -> str:
        """Return it as Markdown."""
        ran = {"Python": sys.version.split()[0], "cores": str(os.cpu_count()), **self.said}
        ran["load at the end"] = f"{os.getloadavg()[0]:.1f}"
        lines = [
            f"# Drill: {self.name}, {at:%Y-%m-%d %H:%M} UTC",
            "",
            ", ".join(f"{what} {value}" for what, value in ran.items()) + ".",
            "",
            "| figure | |",
            "|---|---|",
            *(f"| {name} | {_shown(value, unit)} |" for name, value, unit in self.figures),
            "",
            *(f"{number}. {note}" for number, note in enumerate(self.notes, start=1)),
        ]
        return "\n".join(lines) + "\n"

    def write(self, folder: Path, at: dt.datetime) -> Path:
        """Write the page into a folder; return its path."""
        path = folder / f"{at:%Y-%m-%d}-{self.name}.md"
        path.write_text(self.page(at))
        return path


def _shown(value: float, unit: str) -> str:
    return f"{value:,.1f} s" if unit == "s" else f"{value:,.0f} {unit}"
