"""Of an e-mail is read what is shown; where mail programs differ in figures, nothing posts."""

from email import message_from_bytes

import pytest

from examples.injected.alternatives import part, parts
from services.ingest.inspection import InspectionLimits
from services.ingest.mail import attachments
from services.ingest.mail_shown import Shown, shown_in
from services.ingest.mail_text import flowed, text_in

TURNED = "\u202e"
HTML = part("text/html", "<p>Total 120.00 EUR</p>")
TEXT = part("text/plain", "Total 120.00 EUR")


def read(body: bytes) -> list[tuple[str, str]]:
    """Return names and texts of what an e-mail with this body becomes."""
    content = b"From: a@b.example\nSubject: x\nMIME-Version: 1.0\n" + body
    found = attachments(content, InspectionLimits())
    return [(one.source_name, one.content.decode()) for one in found]


def sure(body: bytes) -> bool:
    """Tell whether the mail's text may be posted; it is the HTML's in any case."""
    ((name, text),) = read(body)
    assert (name, text.replace(TURNED, "")) == ("message.txt", "Total 120.00 EUR")
    return TURNED not in text


@pytest.mark.parametrize(
    "text",
    [
        "Total 120.00 EUR",
        "*Total:* 120.00 EUR",
        "| Total | 120.00 EUR |",
        "Total 120.00\nEUR <https://shop.example/9600>",
        "Your program shows no HTML: https://shop.example/4711",
        "",
    ],
)
def test_a_text_that_says_the_same_or_no_figure_stops_nothing(text: str) -> None:
    """Real mails differ in links, marks and line breaks, and some say nothing in their text."""
    assert sure(parts("alternative", part("text/plain", text), HTML))


@pytest.mark.parametrize(
    "text",
    [
        "Total 960.00 EUR",
        "Total 960.00 EUR Total 120.00 EUR",
        "Total 120.00 USD",
        "Net 120.00 EUR",
        "Total 120.00 EUR\nDiscount 20.00",
        "Total -120.00 EUR",
        "Total 12\u200b0.00 EUR",
        "Total \uff19\uff16\uff10 EUR",
    ],
)
@pytest.mark.parametrize("turned", [False, True], ids=["text first", "text last"])
def test_a_text_with_other_figures_makes_the_mail_doubtful(text: str, *, turned: bool) -> None:
    """The attack: eight times the amounts, in the part that only some people see."""
    bodies = [part("text/plain; charset=utf-8", text), HTML]
    assert not sure(parts("alternative", *(reversed(bodies) if turned else bodies)))


@pytest.mark.parametrize(
    "other",
    [
        'text/plain; name="a.txt"',
        'text/plain\nContent-Disposition: inline; filename="a.txt"',
        "text/html",
        "text/x-amp-html",
        "text/markdown",
    ],
)
def test_no_other_alternative_states_other_figures(other: str) -> None:
    """A name, or a type of its own, made it a file that was posted by itself."""
    assert not sure(parts("alternative", part(other, "Total 960.00 EUR"), HTML))


def test_an_attached_html_alternative_is_compared_and_handed_in() -> None:
    """Some mail programs show it all the same."""
    lie = part("text/html\nContent-Disposition: attachment", "<html>Total 960.00")
    (_, text), (name, _) = read(parts("alternative", TEXT, lie))
    assert text.startswith(TURNED)
    assert name == "attachment"


def test_of_several_html_bodies_the_last_counts_however_deep() -> None:
    """RFC 2046, 5.1.4: the last is the richest."""
    picture = part("image/gif", "GIF89a")
    first = part("text/html", "<p>See below")
    deep = parts("mixed", parts("related", HTML, picture), part("application/pdf", "%PDF-1"))
    assert read(parts("alternative", part("text/plain", "Hello"), first, deep)) == [
        ("message.txt", "Total 120.00 EUR"),
        ("attachment", "GIF89a"),
        ("attachment", "%PDF-1"),
    ]


def test_what_is_listed_is_handed_in_from_any_alternative() -> None:
    """A named file is seen as an attachment; one without a name beside the HTML, by nobody."""
    named = part('application/pdf\nContent-Disposition: inline; filename="a.pdf"', "%PDF-1")
    nameless = part("application/octet-stream", "Total 960.00")
    richer = part("application/pdf", "%PDF-2")
    inner = parts("mixed", TEXT, named, nameless)
    assert read(parts("alternative", inner, HTML, nameless, richer)) == [
        ("message.txt", "Total 120.00 EUR"),
        ("a.pdf", "%PDF-1"),
        ("attachment", "%PDF-2"),
    ]


@pytest.mark.parametrize(
    "html", ["", " \n", "<html><body><p>&nbsp;</p></body></html>".replace("&nbsp;", "\xa0")]
)
def test_an_empty_html_body_leaves_the_text(html: str) -> None:
    """Some programs always write one."""
    assert sure(parts("alternative", TEXT, part("text/html; charset=utf-8", html)))


@pytest.mark.parametrize(
    "html",
    [
        '<img src="cid:1">',
        "<p hidden>Total 120.00 EUR</p>",
        '<div style="background:url(cid:1)"></div>',
        "<svg><path d='M0 0'/></svg>",
        "<!-- never ends",
        "<p>" * 9_000,
    ],
)
def test_html_without_words_leaves_the_text_in_doubt(html: str) -> None:
    """The attack: the picture shows other figures than the text, and nobody sees the text."""
    assert not sure(parts("alternative", TEXT, part("text/html", html)))


def test_a_text_without_figures_beside_a_picture_is_a_letter() -> None:
    """There is nothing in it to post."""
    mail = parts("alternative", part("text/plain", "Hello"), part("text/html", "<img src=x>"))
    assert read(mail) == [("message.txt", "Hello")]


def test_alternatives_of_files_alone_are_all_handed_in() -> None:
    """Without a body nothing says which is shown."""
    mail = parts("alternative", part("image/gif", "GIF89a"), part("application/pdf", "%PDF-1"))
    assert [text for _, text in read(mail)] == ["GIF89a", "%PDF-1"]


def test_bodies_one_below_the_other_are_all_read() -> None:
    """Mail programs show them all; lists add their footers so."""
    assert read(parts("mixed", HTML, part("text/plain", "See you"))) == [
        ("message.txt", "Total 120.00 EUR\nSee you")
    ]


def test_two_texts_that_belong_together_are_in_doubt() -> None:
    """Which of them is the root, mail programs do not agree on (RFC 2387, ``start``)."""
    ((_, text),) = read(parts("related", part("text/html", "<p>Hello"), HTML))
    assert text == f"{TURNED}Hello\n{TURNED}Total 120.00 EUR"


@pytest.mark.parametrize(
    ("kind", "content", "text"),
    [
        ("text/plain; charset=utf-7", "+ADk-", "+ADk-"),
        ("text/plain; charset=unicode_escape", "\\x39", "\\x39"),
        ("text/plain; charset=cp037", "9", "9"),
        ("text/html\nContent-Type: text/plain", "9", "9"),
        ("text/plain\nContent-Transfer-Encoding: base64", "9", "9"),
    ],
)
def test_what_mail_programs_may_decode_otherwise_is_in_doubt(
    kind: str, content: str, text: str
) -> None:
    """The attack: a charset that only Python knows, or a header that comes twice."""
    assert read(part(kind, content)) == [("message.txt", TURNED + text)]


def test_a_header_that_comes_twice_on_a_whole_puts_all_of_it_in_doubt() -> None:
    """One program takes it for alternatives, another for texts below each other."""
    twice = parts("mixed", HTML).replace(b"\n\n", b"\nContent-Type: multipart/alternative\n\n", 1)
    assert not sure(twice)


@pytest.mark.parametrize("charset", ["iso-2022-jp", "Shift_JIS", "big5", "windows-1252", "utf-16"])
def test_usual_charsets_are_sure(charset: str) -> None:
    """The world's mail is in them."""
    head = f"Content-Type: text/plain; charset={charset}\nMIME-Version: 1.0\n\n".encode()
    shown = shown_in(message_from_bytes(head + "9 EUR".encode(charset)))
    assert shown == Shown("9 EUR", rank=shown.rank)


@pytest.mark.parametrize(
    ("written", "joined", "shown"),
    [
        ("Total \n120.00\nEUR", False, "Total 120.00\nEUR"),
        ("12 \n0.00", True, "120.00"),
        (" >not quoted\n From", False, ">not quoted\nFrom"),
        ("> Total \n> 120.00\n120.00", False, "> Total 120.00\n120.00"),
        (">> a \n> b", False, ">> a \n> b"),
        ("a\n-- \nb", False, "a\n-- \nb"),
        ("a \n-- \nb", False, "a \n-- \nb"),
    ],
)
def test_flowed_lines_are_one(written: str, shown: str, *, joined: bool) -> None:
    """RFC 3676, 4: a label and its amount stand in one line where people read them."""
    assert flowed(written, joined=joined) == shown


def test_flowed_is_said_by_the_part() -> None:
    """Other texts keep their lines."""
    kind = "text/plain; format=Flowed; delsp=Yes"
    assert text_in(message_from_bytes(part(kind, "12 \r\n0.00"))) == "120.00"
    assert text_in(message_from_bytes(part("text/plain", "12 \r\n0.00"))) == "12 \n0.00"


def test_every_page_of_a_doubtful_text_is_doubted() -> None:
    """A reader doubts page by page: the total must not stand on one that says nothing of it."""
    lines = "\n".join(["Total 960.00"] * 90) + "\fTotal 960.00"
    ((_, text),) = read(parts("alternative", TEXT, part("text/html", f"<pre>{lines}</pre>")))
    assert all(TURNED in page for page in text.split("\f"))
    assert all(line.startswith(TURNED) for line in text.split("\n"))
