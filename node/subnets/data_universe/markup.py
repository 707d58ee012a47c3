"""Markup made harmless: XML without entities or document types, HTML as plain text. Bounded, and never a network.

Whatever the bytes are: a tree, a text, or SourceFailed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from xml.parsers import expat

from node.subnets.data_universe.errors import SourceFailed
from node.subnets.data_universe.limits import XML_DEPTH_MAX

_ELEMENTS_MAX: Final = 500_000
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "head", "svg"})
_BREAKS: Final = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "td", "blockquote", "article"})


@dataclass(slots=True)
class Element:
    """An element by its local name; namespaces are dropped."""

    name: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its own text and that of everything in it."""
        return "".join(self._all_texts())

    def _all_texts(self) -> Iterator[str]:
        yield from self.texts
        for child in self.children:
            yield from child._all_texts()

    def first(self, *names: str) -> "Element | None":
        """The first child of the first of these names that there is."""
        for name in names:
            for child in self.children:
                if child.name == name:
                    return child
        return None

    def all(self, name: str) -> list["Element"]:
        """The children of that name."""
        return [child for child in self.children if child.name == name]

    def say(self, *names: str) -> str:
        """The text of the first of these children; "" when there is none."""
        found = self.first(*names)
        return found.text.strip() if found is not None else ""


def parse_xml(body: bytes) -> Element:
    """The root of a document. Raises SourceFailed for what is no XML, or declares entities or a document type."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    root = Element("", {})
    stack = [root]
    count = 0

    def refuse(*_: object) -> int:
        raise SourceFailed("Its XML declares entities or a document type, which is refused.")

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal count
        count += 1
        if len(stack) > XML_DEPTH_MAX or count > _ELEMENTS_MAX:
            raise SourceFailed("Its XML is nested too deep or has too many elements.")
        local = {key.rsplit(" ", 1)[-1]: value for key, value in attributes.items()}
        made = Element(name.rsplit(" ", 1)[-1], local)
        stack[-1].children.append(made)
        stack.append(made)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: stack.pop() and None
    parser.CharacterDataHandler = lambda data: stack[-1].texts.append(data)
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise SourceFailed("Its XML is malformed.") from error
    return root.children[0]


class _Plain(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.title: list[str] = []
        self._silent = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        self._in_title = tag == "title"
        if tag in _BREAKS:
            self.out.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        self._in_title = False
        if tag in _BREAKS:
            self.out.append(" ")

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
        elif not self._silent:
            self.out.append(data)


def html_text(html: str) -> str:
    """What a reader sees of HTML, with its title in front."""
    if "<" not in html and "&" not in html:
        return html
    parser = _Plain()
    parser.feed(html)
    parser.close()
    return f"{''.join(parser.title)} {''.join(parser.out)}"
