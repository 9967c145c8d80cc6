"""Documents that speak to whoever reads them. They are made when needed and never committed."""

from examples.injected.alternatives import alternatives
from examples.injected.asked import Injected
from examples.injected.carried import mails, markup, texts
from examples.injected.hidden import hidden
from examples.injected.replaced import replaced
from examples.injected.shown import shown


def injected_examples() -> list[Injected]:
    """Return the whole set, the same every time: on pages, beside them, seen and unseen."""
    return [*hidden(), *shown(), *texts(), *mails(), *alternatives(), *markup(), *replaced()]
