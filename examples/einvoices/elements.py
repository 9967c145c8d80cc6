"""A small way to write XML that reads like the document it makes."""

from collections.abc import Mapping
from typing import Any

from lxml import etree


class Elements:
    """Makes elements by prefixed name.

    Args:
        namespaces: by prefix; they are declared on the root, "doc" as the default namespace.
    """

    def __init__(self, namespaces: Mapping[str, str]) -> None:
        self._namespaces = dict(namespaces)
        # lxml takes None for the default namespace; its stubs do not know
        self._declared: Any = {
            None if prefix == "doc" else prefix: uri for prefix, uri in namespaces.items()
        }

    def __call__(
        self, name: str, *content: "str | etree._Element | None", **attributes: str
    ) -> etree._Element:
        """Return the element ``prefix:Name`` with text, children (None is left out), attributes."""
        prefix, _, local = name.partition(":")
        element = etree.Element(
            f"{{{self._namespaces[prefix]}}}{local}", attributes, nsmap=self._declared
        )
        for part in content:
            if isinstance(part, str):
                element.text = part
            elif part is not None:
                element.append(part)
        return element


def to_bytes(root: etree._Element, encoding: str = "UTF-8") -> bytes:
    """Return the document with its declaration, indented."""
    etree.cleanup_namespaces(root)
    text = etree.tostring(root, xml_declaration=True, encoding=encoding, pretty_print=True)
    assert isinstance(text, bytes)
    return text
