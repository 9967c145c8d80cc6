"""What looks like personal data or a secret does not survive a mask; amounts and dates do."""

import datetime as dt
import string

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from shared.logging.masks import MOST_CHARACTERS, mask

CALM = st.text(alphabet=string.ascii_letters + " ,.;:()", max_size=30)
"""What stands around a secret: prose."""

MUTE = st.text(alphabet="bcdfghjmqvxzBCDFGHJMQVXZ ,.;:()", max_size=30)
"""Prose that announces nothing: of these letters neither ``lat`` nor ``token:`` can be made."""

IBAN_LENGTHS = {"DE": 22, "FR": 27, "MT": 31, "NO": 15, "GB": 22, "BR": 29, "CH": 21, "PL": 28}


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """Return a valid IBAN, compact or in groups of four, upper or lower case."""
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    size = IBAN_LENGTHS[country] - 4
    digits = country in {"DE", "NO", "PL"}
    alphabet = string.digits if digits else string.digits + string.ascii_uppercase
    account = draw(st.text(alphabet=alphabet, min_size=size, max_size=size))
    number = int("".join(str(int(c, 36)) for c in f"{account}{country}00"))
    iban = f"{country}{98 - number % 97:02d}{account}"
    groups = draw(st.sampled_from(["", " ", "-"]))
    iban = groups.join(iban[place : place + 4] for place in range(0, len(iban), 4))
    return draw(st.sampled_from([iban, iban.lower()]))


@st.composite
def cards(draw: st.DrawFn) -> str:
    """Return a number that passes Luhn, in the groupings that cards are printed in."""
    size = draw(st.sampled_from([13, 15, 16, 19]))
    body = draw(st.text(alphabet=string.digits, min_size=size - 1, max_size=size - 1))
    total = sum(int(d) for d in body[-2::-2])
    total += sum(sum(divmod(2 * int(d), 10)) for d in body[::-2])
    card = f"{body}{-total % 10}"
    groups = [4, 6, 5] if size == 15 else [4] * 5
    parts, place = [], 0
    for group in groups:
        parts.append(card[place : place + group])
        place += group
    return draw(st.sampled_from(["", " ", "-"])).join(part for part in parts if part)


def shows(masked: str, secret: str, run: int) -> bool:
    """Return whether ``run`` consecutive letters or digits of the secret survived."""
    compact = "".join(filter(str.isalnum, secret)).lower()
    seen = "".join(filter(str.isalnum, masked)).lower()
    return any(compact[p : p + run] in seen for p in range(len(compact) - run + 1))


@given(iban=ibans(), before=CALM, after=CALM)
@example(iban="DE89 3704 0044 0532 0130 00", before="IBAN", after=" BIC COBADEFFXXX")
def test_no_iban_survives(iban: str, before: str, after: str) -> None:
    """Whatever stands around it and however it is grouped."""
    assume(not shows(after, iban, 9))
    assert not shows(mask(f"{before} {iban} {after}"), iban, 9)


@given(card=cards(), before=CALM, after=CALM)
@example(card="4111 1111 1111 1111", before="", after="12/28")
@example(card="4111 1111 1111 1111", before="Nr 12", after="")
def test_no_card_number_survives(card: str, before: str, after: str) -> None:
    """An expiry date or a number beside it must not break the checksum's view."""
    assert not shows(mask(f"{before} {card} {after}"), card, 9)


@given(address=st.emails(), before=CALM, after=CALM)
@example(address='"ada lovelace"@example.com', before="", after="")
@example(address="ada@[127.0.0.1]", before="", after="")
@example(address="ada%40example.com", before="", after="")
@example(address="ädä@exämple.de", before="", after="")
def test_no_email_address_survives(address: str, before: str, after: str) -> None:
    """Every address that the RFC allows is an address somebody has."""
    masked = mask(f"{before} <{address}> {after}")
    assert "[path]" in masked if address.startswith("/") else "[email]" in masked
    assert address.lower() not in masked.lower()
    assert address.rsplit("@", 1)[-1].lower() not in masked.replace("[email]", "").lower()


@given(
    country=st.integers(1, 999),
    digits=st.text(alphabet=string.digits, min_size=7, max_size=10),
    separator=st.sampled_from(["", " ", "-", ".", "/"]),
    split=st.integers(2, 5),
)
def test_no_international_number_survives(
    country: int, digits: str, separator: str, split: int
) -> None:
    """A plus and a country code are a telephone number, however it is written."""
    number = f"+{country} {digits[:split]}{separator}{digits[split:]}"
    masked = mask(f"call {number} now")
    assert not shows(masked, number, 5)
    assert masked.startswith("call ")
    assert masked.endswith("] now")


@pytest.mark.parametrize(
    "number",
    ["030 / 1234567", "(030) 123 45 67", "0171-1234567", "(555) 123-4567", "555.123.4567",
     "1-555-123-4567", "0049 30 1234567", "01 23 45 67 89", "03-1234 5678", "0171234567"],
)  # fmt: skip
def test_national_numbers_are_masked(number: str) -> None:
    """As people of several countries write them."""
    assert not shows(mask(f"tel {number}!"), number, 5)


@pytest.mark.parametrize(
    "place",
    ["48.85837, 2.29448", "-33.8568 151.2153", "N 48.1371° E 11.5754°", "lat=52.5 lon: 13.4",
     "48°51'29.6\"N 2°17'40.2\"E", "geo:37.786971,-122.399677"],
)  # fmt: skip
def test_coordinates_are_masked(place: str) -> None:
    """A photo's place is where somebody lives."""
    masked = mask(f"taken at {place} today")
    assert "[gps]" in masked
    assert not shows(masked, place, 3)


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
        "Bearer qwertyuiop",
        "Authorization: Basic YWRhOnNlY3JldA==",
        "api_key=qwerty",
        "password: hunter2",
        '"token": "qwertyuiop"',
        "sk-qwertyuiop",
        "ghp_qwertyuiopasdfghjkl",
        "AIza" + "Sy1" * 12,
        "ya29.qwerty-uiop",
        "https://ada:lovelace@example.com/x",
        "-----BEGIN PRIVATE KEY-----\nMIIB\nqwerty\n-----END PRIVATE KEY-----",
        "AbCdEfGhIjKlMnOpQrStUvWx1",
    ],
)
def test_tokens_are_masked(token: str) -> None:
    """A secret in a log is a secret of everybody who reads logs."""
    masked = mask(f"sent {token}")
    assert masked.startswith("sent ")
    for part in ("qwerty", "hunter2", "lovelace", "YWRhOnN", "eyJ", "MIIB", "AbCdEf", "Sy1"):
        assert part not in masked


@given(day=st.dates(dt.date(1900, 1, 1), dt.date(2099, 12, 31)), before=MUTE)
def test_dates_survive(day: dt.date, before: str) -> None:
    """A log without dates helps nobody."""
    for form in ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M"):
        text = day.strftime(form)
        assert text in mask(f"{before}\t{text} and {text}")


@given(amount=st.decimals(0, 9_999_999, places=2), before=MUTE)
def test_amounts_survive(amount: object, before: str) -> None:
    """Amounts are what the ledger is about; they are no one's telephone number."""
    english = f"{amount:,}"
    german = english.translate(str.maketrans(",.", ".,"))
    for text in (str(amount), english, german, f"-{amount}", f"EUR {english}"):
        assert f" {text} " in mask(f"{before} {text} total")


def test_other_digits_are_digits() -> None:
    """Full-width and Arabic digits, and invisible characters between, hide no card number."""
    arabic = "".join(chr(0x660 + int(d)) for d in "4111111111111111")
    wide = "".join(chr(0xFF10 + int(d)) for d in "4111111111111111")
    hidden = "\u200b".join("4111111111111111")
    assert {mask(arabic), mask(wide), mask(hidden)} == {"[card]"}


@given(text=st.text(max_size=200))
def test_control_characters_never_come_through(text: str) -> None:
    """A line stays one line, and a terminal obeys no document."""
    masked = mask(f"{text}\n\x1b[2J\u202e\u2028")
    assert masked.isprintable()
    assert r"\x1b[2J" in masked


def test_long_text_is_cut_after_masking() -> None:
    """A cut before the mask could leave half an IBAN that no mask recognises."""
    secret = "DE89370400440532013000"
    masked = mask("ab " * (MOST_CHARACTERS // 3 - 2) + secret)
    assert len(masked) <= MOST_CHARACTERS + 1
    for size in range(3_960, 4_000):
        assert not shows(mask("a@b " * (size // 4) + secret), secret, 5)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "unit", ["a", "1", "1 ", "a.", "@", "é", "A1", "eyJ", "+1", "1.1111 ", '"', "DE11"]
)
def test_hostile_text_comes_to_an_end(unit: str) -> None:
    """A library quotes a document; a pattern that backtracks would then stop the worker."""
    assert len(mask(unit * 20_000)) <= MOST_CHARACTERS + 1


@pytest.mark.parametrize(
    "text",
    [
        'http://127.0.0.1:4443 "GET /storage/v1/b/up/o/Ada%20Lovelace.pdf?alt=media HTTP/1.1" 200',
        "Max retries exceeded with url: /upload/b/up/o?name=Ada%20Lovelace.pdf (Caused by",
        "404 GET https://storage.example/b/up/o/Lovelace.pdf: no such object",
        "retry https://storage.example?prefix=Lovelace",
        "unclosed file <_io.BufferedReader name='/srv/in/Ada Lovelace.pdf'>",
        'cannot open "/srv/in/Ada Lovelace.pdf"',
        "https://ada:secret@storage.example/Lovelace",
    ],
)
def test_paths_are_masked(text: str) -> None:
    """The attack: a person's name as a file's, and a client that tells of every request."""
    assert "lovelace" not in mask(text).lower()
    assert "[path]" in mask(text)


def test_what_is_no_path_stays() -> None:
    """Which host did not answer is what an operator needs to know."""
    text = "HTTP/1.1 503 from https://storage.example: 3/4 and/or 7 km/h"
    assert mask(text) == text
