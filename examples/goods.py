"""What invented companies sell: description, unit, price in EUR."""

from decimal import Decimal
from random import Random
from typing import Final, NamedTuple

from examples.conventions import Country, round_to


class Good(NamedTuple):
    """One thing or service.

    Attributes:
        description: on the invoice.
        unit: UN/ECE Recommendation 20: C62 piece, HUR hour, KGM kilogram, DAY day.
        low: of its price range, EUR.
        high: likewise.
    """

    description: str
    unit: str
    low: int
    high: int


GOODS: Final = {
    "en": (
        Good("Copy paper A4, 80 g, box of 5 reams", "C62", 18, 32),
        Good("Oak desk, height adjustable", "C62", 380, 690),
        Good("Consulting, senior engineer", "HUR", 85, 140),
        Good("On-site maintenance", "HUR", 55, 95),
        Good("LED panel 60 x 60 cm", "C62", 24, 49),
        Good("Network switch, 24 ports", "C62", 145, 320),
        Good("Window cleaning, ground floor", "C62", 60, 120),
        Good("Coffee beans, dark roast", "KGM", 12, 24),
        Good("Pallet transport, next day", "C62", 70, 160),
        Good("Translation, per standard page", "C62", 28, 44),
        Good("Training day, up to eight people", "DAY", 700, 1250),
        Good("Toner cartridge, black, high yield", "C62", 64, 118),
        Good("Replacement filter set", "C62", 9, 19),
        Good("Annual support, standard plan", "C62", 290, 940),
    ),
    "de": (
        Good("Kopierpapier A4, 80 g, Karton", "C62", 18, 32),
        Good("Schreibtisch Buche, höhenverstellbar", "C62", 380, 690),
        Good("Beratung, leitende Ingenieurin", "HUR", 85, 140),
        Good("Wartung vor Ort", "HUR", 55, 95),
        Good("LED-Leuchte 60 x 60 cm", "C62", 24, 49),
        Good("Netzwerk-Switch, 24 Anschlüsse", "C62", 145, 320),
        Good("Glasreinigung Erdgeschoss", "C62", 60, 120),
        Good("Kaffeebohnen, dunkel geröstet", "KGM", 12, 24),
        Good("Palettenversand, nächster Tag", "C62", 70, 160),
        Good("Übersetzung je Normseite", "C62", 28, 44),
        Good("Schulungstag, bis acht Personen", "DAY", 700, 1250),
        Good("Tonerkartusche schwarz, XL", "C62", 64, 118),
        Good("Ersatzfilter, Satz", "C62", 9, 19),
        Good("Jahreswartung, Basispaket", "C62", 290, 940),
    ),
    "fr": (
        Good("Papier A4 80 g, carton de 5 ramettes", "C62", 18, 32),
        Good("Bureau en chêne, réglable en hauteur", "C62", 380, 690),
        Good("Conseil, ingénieur principal", "HUR", 85, 140),
        Good("Maintenance sur site", "HUR", 55, 95),
        Good("Dalle LED 60 x 60 cm", "C62", 24, 49),
        Good("Commutateur réseau 24 ports", "C62", 145, 320),
        Good("Nettoyage des vitres, rez-de-chaussée", "C62", 60, 120),
        Good("Café en grains, torréfaction foncée", "KGM", 12, 24),
        Good("Transport de palette, lendemain", "C62", 70, 160),
        Good("Traduction, page standard", "C62", 28, 44),
        Good("Journée de formation, huit personnes", "DAY", 700, 1250),
        Good("Cartouche de toner noir", "C62", 64, 118),
        Good("Jeu de filtres de rechange", "C62", 9, 19),
    ),
    "ms": (
        Good("Kertas A4 80 g, sekotak 5 rim", "C62", 18, 32),
        Good("Meja pejabat kayu oak", "C62", 180, 390),
        Good("Khidmat rundingan jurutera", "HUR", 45, 90),
        Good("Penyelenggaraan di tapak", "HUR", 25, 60),
        Good("Panel LED 60 x 60 cm", "C62", 24, 49),
        Good("Suis rangkaian 24 port", "C62", 145, 320),
        Good("Pencucian tingkap aras bawah", "C62", 40, 90),
        Good("Biji kopi panggang gelap", "KGM", 12, 24),
        Good("Penghantaran palet", "C62", 40, 110),
        Good("Terjemahan setiap muka surat", "C62", 12, 24),
        Good("Kartrij toner hitam", "C62", 64, 118),
        Good("Set penapis gantian", "C62", 9, 19),
    ),
}

SHOP_GOODS: Final = {
    "en": (
        Good("Sourdough loaf", "C62", 3, 6),
        Good("Oat milk 1 l", "C62", 2, 3),
        Good("Free range eggs x10", "C62", 3, 5),
        Good("Tomatoes on the vine", "C62", 2, 4),
        Good("Cheddar mature 300 g", "C62", 4, 7),
        Good("AA batteries 8 pack", "C62", 6, 11),
        Good("Dish soap lemon", "C62", 2, 4),
        Good("Notebook A5 ruled", "C62", 3, 8),
    ),
    "de": (
        Good("Bauernbrot 750 g", "C62", 3, 6),
        Good("Hafermilch 1 l", "C62", 2, 3),
        Good("Eier Freiland 10 St.", "C62", 3, 5),
        Good("Bergkäse 300 g", "C62", 4, 7),
        Good("Batterien AA 8 St.", "C62", 6, 11),
        Good("Spülmittel Zitrone", "C62", 2, 4),
    ),
    "ms": (
        Good("Nasi lemak ayam", "C62", 2, 4),
        Good("Teh tarik", "C62", 1, 2),
        Good("Roti canai", "C62", 1, 2),
        Good("Mee goreng mamak", "C62", 2, 4),
        Good("Air kelapa", "C62", 1, 3),
        Good("Kuih lapis", "C62", 1, 2),
    ),
}


def choose_price(random: Random, good: Good, country: Country) -> Decimal:
    """Return a price in the country's currency, with uneven cents where it has cents."""
    cents = random.randrange(good.low * 100, good.high * 100 + 1, 5)
    return round_to(Decimal(cents) * country.price_factor / 100, country.currency)


def choose_quantity(random: Random, good: Good) -> Decimal:
    """Return a quantity that suits the unit: halves and quarters of hours, whole pieces."""
    if good.unit in {"HUR", "KGM"}:
        return Decimal(random.randrange(2, 60)) / 4
    return Decimal(random.choice((1, 1, 2, 2, 3, 4, 5, 6, 8, 10, 12, 20)))
