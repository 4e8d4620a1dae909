"""Numbers as people write them: 12, １２, 十二, 一百二十, 二〇二六, 壹拾贰."""

_DIGITS = {
    character: value
    for value, characters in enumerate(
        ("〇零○", "一壹", "二贰貳两兩", "三叁參", "四肆", "五伍", "六陆陸", "七柒", "八捌", "九玖")
    )
    for character in characters
}
_UNITS = {"十": 10, "拾": 10, "百": 100, "佰": 100, "千": 1000, "仟": 1000}

NUMERAL = "[0-9" + "".join([*_DIGITS, *_UNITS, "廿卅"]) + "]"
"""A character of a number, for a regular expression."""

_MAX = 12
"""Characters of a number."""


def number_of(text: str) -> int | None:
    """Return the number that ASCII digits or Chinese numerals (below 10,000, or digit by digit) are,
    None for anything else."""
    if not text or len(text) > _MAX:
        return None
    if text.isascii():
        return int(text) if text.isdecimal() else None
    text = text.replace("廿", "二十").replace("卅", "三十")
    if all(character in _DIGITS for character in text):
        return int("".join(str(_DIGITS[character]) for character in text))
    total, digit, last = 0, None, 10_000
    for character in text:
        if character in _DIGITS:
            if digit:
                return None
            digit = _DIGITS[character]
        elif (unit := _UNITS.get(character, last)) < last:
            total += (1 if digit is None else digit) * unit
            digit, last = None, unit
        else:
            return None
    return total + (digit or 0)
