"""HTML as the text that a person reads in it; linear in its length."""

import html
import re

_LEFT_OUT = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style|template|noscript)\b.*?(?:</\1\s*>|\Z)", re.I | re.S
)
_BREAKS = re.compile(
    r"</?(?:address|article|blockquote|body|br|caption|center|dd|div|dl|dt|fieldset|footer|form|h[1-6]|"
    r"header|hr|li|main|nav|ol|option|p|pre|section|table|tbody|tfoot|thead|title|tr|ul)\b[^<>]*>",
    re.I,
)
_CELLS = re.compile(r"</(?:td|th)\b[^<>]*>", re.I)
_TAGS = re.compile(r"</?[a-z!?][^<>]*>", re.I)
_SPACES = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[ \n]*")
_META = re.compile(rb"<meta\b[^<>]{0,200}?\bcharset\s*=\s*[\"']?([A-Za-z0-9_.:-]{1,60})", re.I)
_OPENING = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*"
    rb"<(?:!doctype html|html|head|body|div|p|table|span|meta|font|center|br|h[1-6])\b",
    re.I,
)
_HEAD = 4096


def stated_charset(data: bytes) -> str:
    """Return the charset that HTML states of itself near its beginning, "" for none."""
    found = _META.search(data[:_HEAD])
    return found[1].decode("ascii") if found else ""


def looks_like(data: bytes) -> bool:
    """Whether bytes are HTML that nothing labels: they begin with a tag, and close one."""
    return bool(_OPENING.match(data[:_HEAD])) and b"</" in data


def to_text(source: str) -> str:
    """Return the text of HTML: a line for a block, tabs between cells; scripts and styles left out."""
    text = _LEFT_OUT.sub("", source)
    text = _BREAKS.sub("\n", text.replace("\r", " ").replace("\n", " "))
    text = _TAGS.sub("", _CELLS.sub("\t", text))
    text = _SPACES.sub(_blank, html.unescape(text))
    return _LINES.sub("\n", text).strip()


def _blank(found: re.Match[str]) -> str:
    return "\t" if "\t" in found[0] else " "
