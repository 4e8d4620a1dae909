"""Raised and lowered characters as one line of text: 10⁶, H₂O, 2^(nd)."""

_ABOVE = dict(zip("0123456789+-−=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿⁱ", strict=True))
_BELOW = dict(zip("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎", strict=True))


def scripted(place: str, text: str) -> str:
    """Return `text` above ("^") or below ("_") the line; spaces around it stay where they are."""
    inner = text.strip()
    if not inner:
        return text
    table = _ABOVE if place == "^" else _BELOW
    small = "".join(table.get(each, "") for each in inner)
    shown = small if len(small) == len(inner) else f"{place}({inner})"
    start = text.index(inner)
    return text[:start] + shown + text[start + len(inner) :]
