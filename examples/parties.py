"""Invented companies: names, addresses, tax ids, bank accounts. Any resemblance is chance.

All text is Latin-1, so that the standard PDF fonts can show it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from examples.identifiers import make_iban, make_phone, make_tax_id


@dataclass(frozen=True, slots=True)
class Party:
    """Who sends or receives a document.

    Attributes:
        name: as registered.
        street: and house number.
        postcode: "" where the city carries it.
        city: without the postcode.
        place: postcode and city as the country writes them.
        country: ISO 3166-1 alpha-2.
        tax_id: as its invoices print it.
        iban: without spaces; "" where the country has none.
        account: what stands for the IBAN then.
        email: in the reserved top-level domain ``example`` (RFC 2606).
        phone: national form.
    """

    name: str
    street: str
    postcode: str
    city: str
    place: str
    country: str
    tax_id: str
    iban: str
    account: str
    email: str
    phone: str

    @property
    def address(self) -> str:
        """Street and place on one line."""
        return f"{self.street}, {self.place}"


@dataclass(frozen=True, slots=True)
class _Pool:
    stems: tuple[str, ...]
    trades: tuple[str, ...]
    forms: tuple[str, ...]
    streets: tuple[str, ...]
    places: tuple[tuple[str, str], ...]
    name: str = "{stem} {trade} {form}"
    street: str = "{number} {street}"
    place: str = "{postcode} {city}"


_ENGLISH_STEMS = (
    "Ashgrove",
    "Bramwick",
    "Calderstone",
    "Dunmarrow",
    "Elmhollow",
    "Fernleigh",
    "Greyfold",
    "Harrowmoor",
    "Inglecote",
    "Juniper Hill",
    "Kestrelby",
    "Larkmead",
    "Millbeck",
    "Northgate",
    "Oakshott",
    "Pennywell",
    "Quarrydale",
    "Rowanside",
    "Stonecroft",
    "Thistledown",
    "Underhill & Marsh",
    "Vellacott",
    "Wrenfield",
    "Yarrowby",
)
_ENGLISH_TRADES = (
    "Supplies",
    "Joinery",
    "Catering",
    "Logistics",
    "Print Works",
    "Electrical",
    "Software",
    "Office Furniture",
    "Cleaning Services",
    "Instruments",
    "Packaging",
    "Translations",
)
_GERMAN_STEMS = (
    "Adlerhof",
    "Birkental",
    "Dornfeldner",
    "Eichgräber",
    "Falkenrieder",
    "Grünwalder",
    "Hohenstetter",
    "Isarblick",
    "Kaltenbrunner",
    "Lindenauer",
    "Mühlbacher",
    "Nordlicht",
    "Obersteiner",
    "Quellhorst",
    "Rosengärtner",
    "Silberbach",
    "Tannhofer",
    "Uferlos",
    "Vogelsanger",
    "Wiesengrund",
    "Zellerfeld",
)
_GERMAN_TRADES = (
    "Bürobedarf",
    "Elektrotechnik",
    "Gebäudereinigung",
    "Holzbau",
    "Softwarehaus",
    "Druckerei",
    "Logistik",
    "Medizintechnik",
    "Gartenbau",
    "Übersetzungen",
    "Maschinenbau",
    "Verpackungen",
)

_POOLS: Final = {
    "GB": _Pool(
        _ENGLISH_STEMS, _ENGLISH_TRADES, ("Ltd", "Limited", "LLP"),
        ("Mill Lane", "Station Road", "Kiln Street", "Abbey Walk", "Victoria Terrace", "Quay Side"),
        (("LS1 4AP", "Leeds"), ("BS2 8QN", "Bristol"), ("M3 5FS", "Manchester"),
         ("NR1 3DX", "Norwich"), ("EH6 7LZ", "Edinburgh"), ("YO1 9TL", "York")),
        place="{city} {postcode}",
    ),
    "IE": _Pool(
        _ENGLISH_STEMS, _ENGLISH_TRADES, ("Ltd", "DAC", "Teoranta"),
        ("Harbour Road", "Castle Street", "Bridge Street", "Priory Lane", "Chapel Hill"),
        (("D02 XE80", "Dublin 2"), ("T12 W8KP", "Cork"), ("H91 E2R8", "Galway")),
        place="{city} {postcode}",
    ),
    "US": _Pool(
        _ENGLISH_STEMS, _ENGLISH_TRADES, ("Inc.", "LLC", "Corp."),
        ("Lakeview Drive", "Maple Avenue", "Foundry Street", "Prairie Road", "Commerce Parkway"),
        (("IL 60605", "Chicago"), ("OR 97205", "Portland"), ("TX 78701", "Austin"),
         ("OH 43085", "Columbus"), ("CO 80202", "Denver")),
        place="{city}, {postcode}",
    ),
    "DE": _Pool(
        _GERMAN_STEMS, _GERMAN_TRADES, ("GmbH", "GmbH & Co. KG", "AG", "e.K."),
        ("Lindenstraße", "Am Mühlgraben", "Bahnhofstraße", "Schillerweg", "Hafenallee", "Ringweg"),
        (("10115", "Berlin"), ("80331", "München"), ("20095", "Hamburg"), ("50667", "Köln"),
         ("90402", "Nürnberg"), ("04109", "Leipzig"), ("72070", "Tübingen")),
        street="{street} {number}",
    ),
    "AT": _Pool(
        _GERMAN_STEMS, _GERMAN_TRADES, ("GmbH", "KG", "OG"),
        ("Kirchengasse", "Donaulände", "Burggasse", "Am Steinfeld", "Salzstraße"),
        (("1070", "Wien"), ("5020", "Salzburg"), ("8010", "Graz"), ("6020", "Innsbruck")),
        street="{street} {number}",
    ),
    "CH": _Pool(
        _GERMAN_STEMS, _GERMAN_TRADES, ("AG", "GmbH"),
        ("Seestrasse", "Rebgasse", "Zeughausweg", "Limmatstrasse", "Kornhausplatz"),
        (("8005", "Zürich"), ("4051", "Basel"), ("3011", "Bern"), ("6003", "Luzern")),
        street="{street} {number}",
    ),
    "FR": _Pool(
        ("Aubrévent", "Belcastel", "Chanteloube", "Dumarchais", "Fontclaire", "Grandpré",
         "Hautcoeur", "La Tuilerie", "Mirevaux", "Noiretable", "Pierrefeu", "Rocheblanche",
         "Sainte-Vigne", "Valombré"),
        ("Fournitures", "Imprimerie", "Menuiserie", "Informatique", "Nettoyage", "Traiteur",
         "Logistique", "Électricité", "Traductions"),
        ("SARL", "SAS", "SA"),
        ("rue des Tanneurs", "avenue du Port", "chemin des Vignes", "place du Marché",
         "quai des Brumes"),
        (("75011", "Paris"), ("69002", "Lyon"), ("33000", "Bordeaux"), ("44000", "Nantes"),
         ("67000", "Strasbourg")),
        name="{trade} {stem} {form}",
    ),
    "MY": _Pool(
        ("Bintang Jaya", "Cahaya Murni", "Delima Utama", "Harapan Baru", "Kenanga Emas",
         "Lembah Hijau", "Mutiara Timur", "Pelangi Maju", "Seri Melati", "Warisan Teguh"),
        ("Trading", "Enterprise", "Perkhidmatan", "Pembekal", "Teknologi", "Percetakan"),
        ("Sdn. Bhd.", "Sdn. Bhd."),
        ("Jalan Kenari 5", "Jalan Bukit Damai", "Jalan Perusahaan 2", "Lorong Seri Indah",
         "Persiaran Mewah"),
        (("50450", "Kuala Lumpur"), ("47500", "Subang Jaya"), ("80000", "Johor Bahru"),
         ("10200", "George Town"), ("75000", "Melaka")),
        street="No. {number}, {street}",
    ),
    "JP": _Pool(
        ("Aozora", "Hoshimizu", "Kazemori", "Minato Bashi", "Shirakumo", "Tsukinowa", "Yamabuki"),
        ("Trading", "Seiki", "Design", "Electronics", "Foods", "Shoji"),
        ("Co., Ltd.", "K.K."),
        ("Kitahama", "Midorigaoka", "Sakuradori", "Higashimachi"),
        (("100-0005", "Tokyo"), ("530-0001", "Osaka"), ("604-8005", "Kyoto")),
        street="{number}-7 {street}", place="{city} {postcode}",
    ),
}  # fmt: skip

SHOP_TRADES: Final = {
    "en": ("Food Hall", "Corner Shop", "Market", "Deli"),
    "de": ("Frischemarkt", "Kaufladen", "Feinkost"),
    "ms": ("Restoran", "Kedai Makan", "Mini Market"),
}
"""What shops with receipts do, by language."""

_ASCII: Final = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "Ü": "ue", "ß": "ss", "é": "e", "É": "e", "è": "e"}
)


def domain_of(name: str) -> str:
    """Return a mail domain that the name suggests, under ``example``."""
    words = re.findall(r"[a-z]+", name.translate(_ASCII).lower())
    return "-".join(words[:2]) + ".example"


def make_party(random: Random, country: str, *, trades: Sequence[str] | None = None) -> Party:
    """Invent a company of ``country``, in one of ``trades`` (None: in any)."""
    pool = _POOLS[country]
    name = pool.name.format(
        stem=random.choice(pool.stems),
        trade=random.choice(trades or pool.trades),
        form=random.choice(pool.forms),
    )
    postcode, city = random.choice(pool.places)
    street = pool.street.format(number=random.randrange(2, 180), street=random.choice(pool.streets))
    mailbox = {"de": "rechnung", "fr": "compta"}.get(country.lower(), "accounts")
    return Party(
        name=name,
        street=street,
        postcode=postcode,
        city=city,
        place=pool.place.format(postcode=postcode, city=city),
        country=country,
        tax_id=make_tax_id(random, country),
        iban=make_iban(random, country),
        account=str(random.randrange(10**9, 10**10)),
        email=f"{mailbox}@{domain_of(name)}",
        phone=make_phone(random, country),
    )
