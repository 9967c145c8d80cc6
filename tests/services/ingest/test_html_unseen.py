"""What an HTML body hides from people it hides from us."""

import pytest

from services.ingest.html_text import text_of


@pytest.mark.parametrize(
    "attributes",
    [
        "hidden",
        'style="display:none"',
        'style="margin:0; DISPLAY : none;"',
        'style="visibility:hidden"',
        'style="font-size:0px"',
        'style="opacity:0"',
        'style="opacity:0.0"',
        'style="color:#ffffff"',
        'style="color:#FFF;"',
        'style="color: white"',
        'style="color:transparent"',
        'style="mso-hide:all"',
        'style="font-size:1px"',
        'style="max-height:0; overflow:hidden"',
        'style="position:absolute; left:-9999px"',
        'style="text-indent: -2000px"',
        'style="display:/* seen */none"',
        r'style="d\isplay:n\6f ne"',
        'style="color:#fff; background:#fefefe"',
    ],
)
def test_what_nobody_sees_is_left_out(attributes: str) -> None:
    """A forged invoice under a harmless line would be booked."""
    inside = "<b>Total</b><div>9600.00<br><img src=x></div>"
    html = f"<p>before</p><div {attributes}>{inside} still</div><p>after</p>"
    assert text_of(html) == "before\nafter"


@pytest.mark.parametrize(
    "style",
    [
        "color:#fffaaa",
        "color:#f0f",
        "background-color:#fff",
        "background-color: white",
        "opacity:0.5",
        "font-size:0.9em",
        "display:block",
        "color:whitesmoke2",
        "color:#fff; background-color:#123a6b",
        "border-width:0",
    ],
)
def test_what_people_see_is_read(style: str) -> None:
    """Ordinary styles hide nothing."""
    assert text_of(f'<p style="{style}">Total 119.00</p>') == "Total 119.00"


def test_an_element_that_is_never_closed_hides_the_rest() -> None:
    """As a browser shows it."""
    assert text_of('<p>before</p><div style="display:none"><div>x</div>gone') == "before"


@pytest.mark.parametrize(
    "inside",
    [
        '<bdo dir="rtl">51.21</bdo>',
        '<i style="direction:rtl; unicode-bidi: bidi-override">51.21</i>',
    ],
)
def test_what_is_turned_round_says_so(inside: str) -> None:
    """The attack: ``51.21`` is shown as ``12.15``; whoever reads the text must know."""
    assert "\u202e" in text_of(f"<p>Total {inside}</p>")


@pytest.mark.parametrize(
    "sheet",
    [
        ".x{display:none}",
        "p, div.x { color: red; visibility : hidden }",
        "#y{font-size:0}",
        "@media screen{.x{display:none}}",
        "@import url(a.css); .x{display:none}",
        "/* .x{} */ .x/**/{display:n\\6f ne}",
        ".x{display:none",
        "div{display:none}",
    ],
)
def test_what_a_style_sheet_hides_is_left_out(sheet: str) -> None:
    """The attack: the forged total has a class, and the sheet says that nobody sees it."""
    html = f'<style>{sheet}</style>before<div class="a X" id=y>Total 9600.00</div>after'
    assert text_of(html) == "before\nafter"


@pytest.mark.parametrize(
    "sheet",
    [
        "@media (min-width:1px){.x{display:none}}",
        "@supports (display:grid){.x{display:none}}",
        "b .x{display:none}",
        "[class]{display:none}",
        "*{opacity:0}",
        "div:nth-child(2){display:none}",
    ],
)
def test_what_a_style_sheet_may_hide_is_told(sheet: str) -> None:
    """Only a browser could say; figures that may not be seen are not posted."""
    html = f'<style>{sheet}</style>before<div class="x">Total 9600.00</div><i>after</i>'
    assert "\u202e" in text_of(html)


@pytest.mark.parametrize(
    "sheet",
    [
        ".y{display:none}",
        "a:hover{color:#fff}",
        "@media print{.x{display:none}}",
        "th{color:#fff;background:#333}",
        ".x{border-width:0; line-height:0.9; font-size:10px}",
        "@media (max-width:480px){.mobile{display:none}}",
        "table td{mso-table-lspace:0pt}",
    ],
)
def test_ordinary_style_sheets_hide_nothing(sheet: str) -> None:
    """Most mails have one; their figures are read as before."""
    html = f'<style>{sheet}</style><a class="x">Total 119.00</a>'
    assert text_of(html) == "Total 119.00"


@pytest.mark.parametrize(
    ("sheet", "is_sure"),
    [
        ('td::before{content:"9"}', False),
        ("td:after{content : '\\39'}", False),
        ("td::before{content:attr(data-x)}", False),
        ("td::before{content:counter(x)}", False),
        ('td::before{content:""}', True),
        ('q::before{content:"\\201c"}', True),
        ("td{align-content:1}", True),
        ("td{justify-content:0}", True),
    ],
)
def test_figures_that_a_style_sheet_adds_put_all_in_doubt(sheet: str, *, is_sure: bool) -> None:
    """The attack: ``9`` before ``120.00`` is seen, and is nowhere in the text."""
    html = f"<style>{sheet}</style><table><tr><td>120.00<tr><td>1</table>"
    assert text_of(html) == ("120.00\n1" if is_sure else "\u202e120.00\n\u202e1")


def test_an_element_that_closes_itself_does_not() -> None:
    """HTML knows no ``<div/>``: what follows is inside it, and hidden."""
    assert text_of('before<div style="display:none"/>Total 9600.00') == "before"


@pytest.mark.parametrize(
    "html",
    [
        "before<!-- Total 9600.00 <b>x</b>",
        "before<!-->after<!-- Total 9600.00",
        "before<!--->after<!-- Total 9600.00 -->",
        "before<!-- Total 9600.00 --!>after<!-- > -->",
        "before<p Total 9600.00 ",
        "before<p title='Total 9600.00 <b>x</b>",
        "before</p Total 9600.00",
        "before<!x Total 9600.00",
        "before<? Total 9600.00",
        "before<![CDATA[Total 9600.00",
        "before<style>Total 9600.00",
    ],
)
def test_what_never_ends_is_seen_as_little_as_what_does(html: str) -> None:
    """The attack: a comment or a tag without an end, from which the parser made words."""
    assert text_of(html) == ("beforeafter" if "after" in html else "before")


@pytest.mark.parametrize("html", ["a < b & c", "before < 9600.00", "AT&T", "5 <6", "x &amp"])
def test_signs_that_begin_no_tag_are_words(html: str) -> None:
    """As a browser shows them."""
    assert text_of(html) == html.removesuffix("amp")


@pytest.mark.parametrize("tag", ["noembed", "iframe", "details", "video", "select"])
def test_what_only_some_programs_show_is_told(tag: str) -> None:
    """What it says is seen where the element itself is not known."""
    assert "\u202e" in text_of(f"<{tag}>Total 9600.00</{tag}>")
    assert text_of(f"<{tag}>no figure</{tag}> 9") == "no figure 9"
