"""Line breaks and spaces of an HTML body are kept where people see them."""

import pytest

from services.ingest.html_text import text_of

LINES = "Acme Ltd\n  1 High  St\n\nTotal\t9"


@pytest.mark.parametrize(
    "html",
    [
        "<pre>{}</pre>",
        "<PRE class=x><b>{}</b></PRE>",
        '<div style="white-space:pre">{}</div>',
        '<div style="White-Space: pre-wrap !important"><i>{}</i></div>',
        "<style>.x{{color:red;white-space:pre}}</style><p class=x>{}</p>",
        "<style>@media screen{{body p{{white-space:break-spaces}}}}</style><p>{}</p>",
        '<p style="white-space-collapse:preserve">{}</p>',
        '<pre><span style="white-space:inherit">{}</span></pre>',
        "<pre></b>{}</pre>",
    ],
)
def test_lines_and_columns_are_kept(html: str) -> None:
    """A supplier's name swallowed its address, and the address the whole table."""
    assert text_of(html.format(LINES)) == "Acme Ltd\n  1 High  St\n\nTotal   9"
    assert text_of(html.format(LINES.replace("\n", "\r\n"))).count("\n") == 3


def test_lines_alone_are_kept() -> None:
    """``pre-line`` shows each run of blanks as one."""
    html = f'<div style="white-space:pre-line">{LINES}</div>'
    assert text_of(html) == "Acme Ltd\n1 High St\nTotal 9"


@pytest.mark.parametrize(
    "html",
    [
        "<p>{}</p>",
        "<pre>x</pre>{}",
        '<pre style="white-space:normal">{}</pre>',
        '<pre>x<p style="white-space:nowrap">{}</p></pre>',
        "<style>@media print{{p{{white-space:pre}}}}</style><p>{}</p>",
        '<table><tr><td style="white-space:pre">x<td>{}</table>',
        '<ul><li style="white-space:pre">x<li>{}</ul>',
        "<br style='white-space:pre'>{}",
    ],
)
def test_elsewhere_they_are_one_space(html: str) -> None:
    """A label and its amount may stand in two lines of the source, and are seen in one."""
    assert "Acme Ltd 1 High St Total 9" in text_of(html.format(LINES))


def test_a_form_feed_is_a_space() -> None:
    """It would begin a page that nobody sees; a reader doubts page by page."""
    assert text_of("<p>a\fb\vc\x1cd\x85e</p>") == "a b c d e"
    assert text_of("<pre>a\fb</pre>") == "a b"
