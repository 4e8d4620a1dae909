"""Characters of symbol fonts, in which a tick or an arrow has the place of a letter.

A box that is ticked reads ☒ whether its tick is a cross or a hook, an empty one ☐.
"""

UNKNOWN = "\ufffd"
TICKED, EMPTY = "☒", "☐"

_SYMBOL = (
    " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧΔΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_‾αβχδεφγηιϕκλμνοπθρστυϖωξψζ{|}∼",
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…⏐⎯↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇®©™∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈®©™∑⎛⎜⎝⎡⎢⎣⎧⎨⎩⎪\ufffd〉∫⌠⎮⌡⎞⎟⎠⎤⎥⎦⎫⎬⎭",
)


def _table(*runs: tuple[int, str]) -> dict[int, str]:
    return {first + n: character for first, run in runs for n, character in enumerate(run)}


_FONTS = {
    "symbol": _table((0x20, _SYMBOL[0]), (0xA0, _SYMBOL[1])),
    "wingdings": _table(
        (0x20, " ✏✂✁"), (0x28, "☎✆✉"), (0x36, "⌛"), (0x3F, "✍"), (0x41, "✌"), (0x45, "☜☞☝☟"),
        (0x4A, "☺😐☹💣☠"), (0x51, "✈☼"), (0x54, "❄"), (0x56, "✞"), (0x58, "✠✡☪☯ॐ☸"),
        (0x5E, "♈♉♊♋♌♍♎♏♐♑♒♓"), (0x6C, "●"), (0x6E, "■" + EMPTY), (0x71, EMPTY + EMPTY),
        (0x74, "⧫◆❖"), (0x78, TICKED), (0x7A, "⌘"), (0x80, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"),
        (0x9E, "·•"), (0xA1, "○"), (0xA4, "◉◎"), (0xA7, "▪" + EMPTY), (0xAB, "★"), (0xB5, "✪✰"),
        (0xD5, "⌫⌦"), (0xD8, "➢"), (0xDC, "➲"), (0xDF, "←→↑↓↖↗↙↘"), (0xE8, "➔"),
        (0xEF, "⇦⇨⇧⇩⬄⇳"), (0xFB, "✗✓" + TICKED + TICKED),
    ),
    "wingdings 2": _table(
        (0x20, " "), (0x4F, "✗✓" + TICKED * 4), (0x69, "⓪①②③④⑤⑥⑦⑧⑨⑩⓿❶❷❸❹❺❻❼❽❾❿"),
        (0x97, "●"), (0xA2, "■" + EMPTY),
    ),
    "wingdings 3": _table((0x20, " ")),
    "webdings": _table((0x20, " "), (0x61, "✓"), (0x63, EMPTY), (0x67, "■"), (0x6E, "●"), (0x72, "✗")),
    "marlett": _table((0x20, " ")),
}  # fmt: skip
"""Code points below 0x100 whose characters are known: by Unicode's mapping of the Symbol font, and by
the characters that Unicode 7.0 took in from the Wingdings."""


def is_symbol_font(font: str) -> bool:
    """Return whether the characters of a font are not those that their numbers say."""
    return font.strip().lower() in _FONTS


def symbol(font: str, code: int) -> str:
    """Return the character that a symbol font shows at a code point, UNKNOWN where it is not known."""
    table = _FONTS.get(font.strip().lower())
    if table is None:
        # Some programs write an ordinary character as a symbol of an ordinary font.
        return chr(code) if 0x20 <= code < 0xD800 or 0xF900 <= code < 0xFFF0 else UNKNOWN
    return table.get(code & 0xFF if 0xF000 <= code <= 0xF0FF else code, UNKNOWN)


def read_as(font: str, text: str) -> str:
    """Return a text as a symbol font shows it; what is no character of the font stays."""
    if not is_symbol_font(font):
        return text
    return "".join(
        symbol(font, ord(each)) if ord(each) < 0x100 or 0xF000 <= ord(each) <= 0xF0FF else each
        for each in text
    )
