"""HTML as light Markdown: headings, paragraphs, lists, code, links and tables; no navigation, no decoration."""

import re
from typing import Final, NamedTuple
from urllib.parse import urljoin

from dragoman.tools.pages.tables import Table
from dragoman.tools.pages.tags import VOID, End, Start, tokens

_NEVER: Final = frozenset(
    {
        "audio",
        "canvas",
        "embed",
        "iframe",
        "math",
        "noembed",
        "noframes",
        "noscript",
        "object",
        "script",
        "style",
        "svg",
        "template",
        "video",
        "xmp",
    }
)
_DECORATION: Final = frozenset(
    {"aside", "button", "dialog", "footer", "input", "menu", "nav", "option", "select", "textarea"}
)
_DECORATIVE_ROLES: Final = frozenset({"banner", "complementary", "contentinfo", "dialog", "navigation", "search"})
_CONTENT: Final = frozenset({"article", "main"})
_BLOCKS: Final = frozenset(
    [
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div"),
        *(
            "dl",
            "dt",
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
        ),
        *(
            "hgroup",
            "hr",
            "html",
            "legend",
            "li",
            "main",
            "menu",
            "nav",
            "ol",
            "p",
            "pre",
            "section",
            "summary",
            "table",
        ),
        "ul",
    ]
)
_HEADINGS: Final = {f"h{level}": f"{'#' * level} " for level in range(1, 7)}
_LANGUAGE: Final = re.compile(r"\b(?:language|lang|highlight-source|brush:)[-: ]*([\w+#-]+)")
_SPACES: Final = re.compile(r"[^\S\n]+")
_TICKS: Final = re.compile("`+")
_ANCHOR: Final = 2  # characters of a sign that links a heading to itself
_DIGITS: Final = 9
_DEEPEST: Final = 8  # levels of lists, quotes and tables that are shown
_MOST_URLS: Final = 1_000_000  # characters of all links: a short one becomes as long as the page's own address
_ENOUGH: Final = 200  # characters that make a page's content its content


class Page(NamedTuple):
    title: str
    text: str


def as_markdown(html: str, url: str) -> Page:
    """url: where the page is, so that its links can be said in full."""
    writer = _Writer(url, decoration=False)
    writer.read(html)
    if not writer.text:
        everything = _Writer(url, decoration=True)
        everything.read(html)
        return Page(writer.title, everything.text)
    return Page(writer.title, writer.text)


class _Block(NamedTuple):
    """tight: follows another one of its kind on the next line."""

    text: str
    tight: bool = False


class _Writer:
    """decoration: write what usually stands around the content as well.

    skipped: how many elements were open when the one began that is not written; None = everything is.
    content: since which block we are inside the page's content; None = outside. room: for links.
    """

    def __init__(self, url: str, *, decoration: bool) -> None:
        self.title = ""
        self._url = url
        self._decoration: Final = decoration
        self._blocks: list[_Block] = []
        self._line: list[str] = []
        self._prefix = ""
        self._open: list[str] = []
        self._counts: dict[str, int] = {}
        self._skipped: int | None = None
        self._content: tuple[int, int] | None = None  # how many were open; the first block
        self._contents: list[_Block] = []
        self._lists: list[int | None] = []  # the next number; None = dots
        self._quotes = 0
        self._link: tuple[str, int] | None = None  # where to, and where in the line it began
        self._code: list[str] | None = None
        self._language = ""
        self._tables: list[Table] = []
        self._room = _MOST_URLS
        self._flattened = 0  # tables so deep that they are taken for their cells

    @property
    def text(self) -> str:
        blocks = self._contents if sum(len(block.text) for block in self._contents) >= _ENOUGH else self._blocks
        pieces: list[str] = []
        for number, block in enumerate(blocks):
            if number:
                pieces.append("\n" if block.tight and blocks[number - 1].tight else "\n\n")
            pieces.append(block.text)
        return "".join(pieces).strip()

    def read(self, html: str) -> None:
        for token in tokens(html):
            match token:
                case str():
                    self._say(token)
                case Start():
                    self._start(token)
                case End():
                    self._end(token.name)
        while self._open:
            self._close()
        self._flush()

    def _say(self, text: str) -> None:
        if not self.title and self._counts.get("title") and not self._counts.get("svg"):
            self.title = " ".join(text.split())
        if self._skipped is not None or self._counts.get("title"):
            return
        if self._code is not None:
            self._code.append(text)
        else:
            self._line.append(_SPACES.sub(" ", text.replace("\n", " ")))

    def _start(self, tag: Start) -> None:
        name = tag.name
        if name == "base" and (href := tag.attributes.get("href")):
            self._url = self._joined(href) or self._url
        if name not in VOID:
            self._open.append(name)
            self._counts[name] = self._counts.get(name, 0) + 1
        if self._skipped is not None:
            return
        if self._is_skipped(tag):
            if name not in VOID:
                self._skipped = len(self._open)
            return
        if name in _BLOCKS:
            self._flush()
        self._begin(tag)

    def _is_skipped(self, tag: Start) -> bool:
        name, said = tag.name, tag.attributes
        if name in _NEVER:
            return True
        if "hidden" in said or "display:none" in said.get("style", "").lower().replace(" ", ""):
            return True
        if self._decoration:
            return False
        if said.get("aria-hidden") == "true" or said.get("role") in _DECORATIVE_ROLES or name in _DECORATION:
            return True
        return name == "header" and self._content is None

    def _begin(self, tag: Start) -> None:
        name = tag.name
        if (name in _CONTENT or tag.attributes.get("role") == "main") and self._content is None:
            self._content = (len(self._open), len(self._blocks))
        if name in _BLOCKS or name in ("tr", "td", "th"):
            self._begin_block(tag)
        else:
            self._begin_inline(tag)

    def _begin_inline(self, tag: Start) -> None:
        match tag.name:
            case "br":
                (self._line if self._code is None else self._code).append("\n")
            case "img":
                if alt := " ".join(tag.attributes.get("alt", "").split()):
                    self._line.append(f"![{alt}]")
            case "a":
                self._link = (tag.attributes.get("href", ""), len(self._line))
            case "code" if self._code is None:
                self._line.append("`")
            case "code":
                self._language = self._language or _language(tag)
            case _:
                pass

    def _begin_block(self, tag: Start) -> None:
        match tag.name:
            case "hr":
                self._add("---")
            case "pre":
                self._code, self._language = [], _language(tag)
            case "ul" | "menu":
                self._lists.append(None)
            case "ol":
                start = tag.attributes.get("start", "")
                self._lists.append(int(start) if start.isascii() and start.isdecimal() and len(start) < _DIGITS else 1)
            case "li" | "dd":
                self._prefix = self._marker()
            case "blockquote":
                self._quotes += 1
            case "table" if len(self._tables) >= _DEEPEST:
                self._flattened += 1
            case "table":
                self._tables.append(Table())
            case "tr" | "td" | "th":
                self._cell(tag.name)
            case name:
                self._prefix = _HEADINGS.get(name, self._prefix)

    def _end(self, name: str) -> None:
        """Close the element, and what was left open inside of it."""
        if not self._counts.get(name):
            return
        while self._open:
            closed = self._open[-1]
            self._close()
            if closed == name:
                return

    def _close(self) -> None:
        name = self._open.pop()
        self._counts[name] -= 1
        if self._skipped is not None:
            if len(self._open) < self._skipped:
                self._skipped = None
            return
        if name in _BLOCKS and name != "pre":
            self._flush()
        self._finish(name)
        if self._content is not None and len(self._open) < self._content[0]:
            self._contents += self._blocks[self._content[1] :]
            self._content = None

    def _finish(self, name: str) -> None:
        match name:
            case "a" if self._link is not None:
                self._end_link(*self._link)
                self._link = None
            case "pre" if self._code is not None:
                code, self._code = "".join(self._code), None
                self._fence(code)
            case "code" if self._code is None:
                if self._line and self._line[-1] == "`":
                    self._line.pop()
                else:
                    self._line.append("`")
            case "ul" | "ol" | "menu" if self._lists:
                self._lists.pop()
            case "blockquote":
                self._quotes -= 1
            case "td" | "th" if self._tables:
                self._line = self._tables[-1].leave_cell(self._line)
            case "table" if self._flattened:
                self._flattened -= 1
            case "table" if self._tables:
                self._table(self._tables.pop())
            case _ if name in _HEADINGS or name in ("li", "dd"):
                self._prefix = ""

    def _marker(self) -> str:
        depth = "  " * min(max(0, len(self._lists) - 1), _DEEPEST)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{depth}- "
        self._lists[-1] = number + 1
        return f"{depth}{number}. "

    def _end_link(self, href: str, began: int) -> None:
        text = " ".join("".join(self._line[began:]).split())
        if href.startswith("#") and len(text) <= _ANCHOR:
            del self._line[began:]
            return
        url = self._joined(href) if href else ""
        if began < len(self._line) and text and url and text != url and not href.startswith("#"):
            self._line[began:] = [f"[{text}]({url})"]

    def _joined(self, href: str) -> str:
        """The link in full; "" if it leads to no page, or where there were too many of them."""
        if self._room <= 0:
            return ""
        try:
            url = urljoin(self._url, href.strip())
        except ValueError:
            return ""
        self._room -= len(url)
        return url.replace(" ", "%20").replace(")", "%29") if url.startswith(("http://", "https://")) else ""

    def _fence(self, code: str) -> None:
        code = code.strip("\n").rstrip()
        if self._tables:
            self._line.append(f" {code} ")
        elif code:
            longest = max(map(len, _TICKS.findall(code)), default=0)
            fence = "`" * max(3, longest + 1)
            self._add(f"{fence}{self._language}\n{code}\n{fence}")

    def _cell(self, name: str) -> None:
        if not self._tables:
            self._flush()
        elif name == "tr":
            self._line = self._tables[-1].begin_row(self._line)
        else:
            self._line = self._tables[-1].begin_cell(self._line)

    def _table(self, table: Table) -> None:
        self._line = table.leave_cell(self._line)
        for text in table.written(nested=bool(self._tables)):
            if self._tables:
                self._line.append(f" {text} ")
            else:
                self._add(text)

    def _flush(self) -> None:
        """The line is whole: it becomes a block, or stays in the cell of a table."""
        if self._tables:
            self._line.append(" ")
            return
        text = _SPACES.sub(" ", "".join(self._line))
        text = "\n".join(line.strip() for line in text.split("\n")).strip()
        self._line.clear()
        self._link = self._link and (self._link[0], 0)
        if text:
            prefix, self._prefix = self._prefix, ""
            indent = " " * len(prefix)
            self._add(prefix + text.replace("\n", f"\n{indent}"), tight=bool(self._lists))

    def _add(self, text: str, *, tight: bool = False) -> None:
        if self._quotes:
            text = "\n".join(f"{'> ' * min(self._quotes, _DEEPEST)}{line}" for line in text.split("\n"))
        self._blocks.append(_Block(text, tight))


def _language(tag: Start) -> str:
    found = _LANGUAGE.search(tag.attributes.get("class", ""))
    return found[1] if found else ""
