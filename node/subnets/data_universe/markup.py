"""Markup made harmless: XML without entities or document types, HTML as plain text. Bounded, and never a network.

Whatever the bytes are: a tree, a text, or SourceFailed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Final
from xml.parsers import expat

from node.subnets.data_universe.errors import SourceFailed
from node.subnets.data_universe.limits import XML_DEPTH_MAX

_ELEMENTS_MAX: Final = 500_000
_SILENT: Final = frozenset({"script", "style", "template", "noscript", "head", "svg"})
_BREAKS: Final = frozenset({"p", "br", "div", "li", "tr", "h1", "h2", "h3", "h4", "td", "blockquote", "article"})
_RAW: Final = {name: re.compile(f"</{name}(?![a-z0-9])", re.IGNORECASE) for name in ("script", "style")}
_TAG: Final = re.compile(r"<(/?)([A-Za-z][^\s/>]*)")
_QUOTE_OR_END: Final = re.compile(r"""=\s*(["'])|>""")
_HUGE_NUMBER: Final = re.compile("&#[0-9]{8,};?")


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


class _Plain:
    """Reads HTML once from front to back: whatever it is, the time it takes grows with its length alone.

    The standard library's parser goes back to what it could not close: a page of 100 KB could hold it for an hour.
    """

    def __init__(self, html: str) -> None:
        self.out: list[str] = []
        self.title: list[str] = []
        self._html = html
        self._silent = 0
        self._in_title = False

    def read(self) -> None:
        """Read all of it. A comment or a quote that is never closed takes the rest with it."""
        html, at = self._html, 0
        last = html.rfind(">")
        while 0 <= (begin := html.find("<", at)) <= last:
            self._say(html[at:begin])
            at = self._markup(begin)
        self._say(html[at:])  # nothing ends in it, so that nothing begins: a<b

    def _markup(self, at: int) -> int:
        """Take in what begins with `<` at `at`; return where the text goes on."""
        html = self._html
        if html.startswith("<!--", at):
            return self._behind("-->", at + 2)  # so that <!--> is a whole comment
        if html.startswith("<![CDATA[", at):
            return self._behind("]]>", at)
        if html.startswith(("<!", "<?"), at):
            return self._behind(">", at)
        tag = _TAG.match(html, at)
        if tag is None:
            if html.startswith("</", at):
                return self._behind(">", at)
            self._say("<")
            return at + 1
        name = tag[2].lower()
        end = self._end_of_tag(tag.end())
        if tag[1]:
            self._closed(name)
            return end
        self._opened(name)
        if html.startswith("/>", end - 2):
            self._closed(name)
        elif name in _RAW:
            closing = _RAW[name].search(html, end)
            return len(html) if closing is None else closing.start()
        return end

    def _end_of_tag(self, at: int) -> int:
        """Where a tag ends, whose name ends at `at`; a `>` in quotes behind an equals sign is part of it."""
        html = self._html
        while found := _QUOTE_OR_END.search(html, at):
            if found[1] is None:
                return found.end()
            at = self._behind(found[1], found.end())
        return len(html)

    def _behind(self, what: str, at: int) -> int:
        found = self._html.find(what, at)
        return len(self._html) if found < 0 else found + len(what)

    def _opened(self, tag: str) -> None:
        self._silent += tag in _SILENT
        self._in_title = tag == "title"
        if tag in _BREAKS:
            self.out.append(" ")

    def _closed(self, tag: str) -> None:
        self._silent = max(0, self._silent - (tag in _SILENT))
        self._in_title = False
        if tag in _BREAKS:
            self.out.append(" ")

    def _say(self, text: str) -> None:
        if text and self._in_title:
            self.title.append(_readable(text))
        elif text and not self._silent:
            self.out.append(_readable(text))


def _readable(text: str) -> str:
    """Text with its character references replaced; one of a number beyond all characters is a replacement itself."""
    return unescape(_HUGE_NUMBER.sub("\ufffd", text)) if "&" in text else text


def html_text(html: str) -> str:
    """What a reader sees of HTML, with its title in front."""
    if "<" not in html and "&" not in html:
        return html
    plain = _Plain(html)
    plain.read()
    return f"{''.join(plain.title)} {''.join(plain.out)}"
