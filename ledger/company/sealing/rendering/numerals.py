"""Numbers in the formats that Word offers for clauses (ST_NumberFormat, ECMA-376 part 1, 17.18.59).

Where Word departs from the standard, its own notes (MS-OI29500, 2.1.540) are followed. A format that is
not here is not known, and whoever asks says so.
"""

from collections.abc import Callable

MOST = 32_767
"""Up to here Word counts."""
_ROMANS = 5_000
"""Up to here numbers are written in Roman; beyond, in digits."""
_REPEATS = 30
"""Times that a letter is repeated at most, as in Word; beyond, numbers are written in digits."""

_ROMAN = {
    "m": 1000, "cm": 900, "d": 500, "cd": 400, "c": 100, "xc": 90, "l": 50, "xl": 40, "x": 10,
    "ix": 9, "v": 5, "iv": 4, "i": 1,
}  # fmt: skip
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth",
    "nine": "ninth", "twelve": "twelfth",
}  # fmt: skip

_HAN = "一二三四五六七八九"
_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_AIUEO = (
    "アイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワヲン"
)
_HALF_AIUEO = "ｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜｦﾝ"
_IROHA = (
    "イロハニホヘトチリヌルヲワカヨタレソツネナラム"
    "ウヰノオクヤマケフコエテアサキユメミシヱヒモセスン"
)  # fmt: skip
_HALF_IROHA = "ｲﾛﾊﾆﾎﾍﾄﾁﾘﾇﾙｦﾜｶﾖﾀﾚｿﾂﾈﾅﾗﾑｳヰﾉｵｸﾔﾏｹﾌｺｴﾃｱｻｷﾕﾒﾐｼヱﾋﾓｾｽﾝ"
_GREEK = "αβγδεζηθικλμνξοπρστυφχψω"
_RUSSIAN = "абвгдежзиклмнопрстуфхцчшщыэюя"


def numeral(count: int, kind: str) -> str | None:
    """Return a number as Word writes it in a format, None where the format is not known."""
    if kind == "none":
        return ""
    if kind not in _FORMATS:
        return None
    return _FORMATS[kind](count) if 0 < count <= MOST else str(count)


def _roman(count: int) -> str:
    if count > _ROMANS:
        return str(count)
    text = ""
    for letters, each in _ROMAN.items():
        text += letters * (count // each)
        count %= each
    return text


def _repeated(letters: str) -> Callable[[int], str]:
    """After the last letter comes the first, twice, then the second, twice."""

    def write(count: int) -> str:
        if count > _REPEATS * len(letters):
            return str(count)
        return letters[(count - 1) % len(letters)] * ((count - 1) // len(letters) + 1)

    return write


def _around(letters: str) -> Callable[[int], str]:
    """After the last letter comes the first again."""
    return lambda count: letters[(count - 1) % len(letters)]


def _each(letters: str) -> Callable[[int], str]:
    """Beyond the letters come plain digits."""
    return lambda count: letters[count - 1] if count <= len(letters) else str(count)


def _run(first: str, length: int) -> Callable[[int], str]:
    return _each("".join(chr(ord(first) + n) for n in range(length)))


def _digits(digits: str) -> Callable[[int], str]:
    table = str.maketrans("0123456789", digits)
    return lambda count: str(count).translate(table)


def _padded(width: int) -> Callable[[int], str]:
    return lambda count: f"{count:0{width}}"


def _counted(
    digits: str,
    units: str,
    zero: str = "",
    *,
    ones: str = "",
    bare: bool = False,
) -> Callable[[int], str]:
    """Return how to write with units (for 10, 100, 1000 and 10,000), and `zero` for places left out.

    In front of the units in `ones` a one is not written; with `bare`, only where the number begins so
    and is below 20.
    """

    def below(count: int) -> str:
        text, gap = "", False
        for unit, sign in ((1000, units[2]), (100, units[1]), (10, units[0]), (1, "")):
            digit, count = divmod(count, unit)
            if not digit:
                gap = bool(text)
                continue
            text += zero if gap else ""
            text += ("" if digit == 1 and sign and sign in ones else digits[digit - 1]) + sign
            gap = False
        return text

    def write(count: int) -> str:
        high, low = divmod(count, 10_000)
        text = below(high) + units[3] if high else ""
        if low:
            text += (zero if high and low < 1000 else "") + below(low)
        if bare and 10 <= count < 20:
            text = text[1:]
        return text

    return write


def _to_99(digits: str, ten: str, circle: str) -> Callable[[int], str]:
    """Up to 99 with the sign for ten; from 100 on digit by digit."""
    small, plain = _counted(digits, f"{ten}???", bare=True), _digits(circle + digits)
    return lambda count: small(count) if count < 100 else plain(count)


def _cycle(count: int) -> str:
    """The sixty pairs of a stem and a branch."""
    if count > 60:
        return str(count)
    return _STEMS[(count - 1) % 10] + _BRANCHES[(count - 1) % 12]


def _ordinal(count: int) -> str:
    ending = (
        "th" if count % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
    )
    return f"{count}{ending}"


def _words(count: int) -> str:
    parts = []
    for unit, name in ((1000, "thousand"), (100, "hundred")):
        high, count = divmod(count, unit)
        if high:
            parts.append(f"{_words(high)} {name}")
    if count >= 20:
        parts.append(_TENS[count // 10] + (f"-{_ONES[count % 10]}" if count % 10 else ""))
    elif count:
        parts.append(_ONES[count])
    return " ".join(parts)


def _cardinal(count: int) -> str:
    return _words(count).capitalize()


def _ordinal_words(count: int) -> str:
    words = _words(count)
    start = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[start:]
    ended = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return (words[:start] + ended).capitalize()


def _ten_thousands(count: int) -> str:
    write = _digits("〇" + _HAN)
    high, low = divmod(count, 10_000)
    return (write(high) + "万" if high else "") + (write(low) if low or not high else "")


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalHalfWidth": str,
    "bahtText": str,
    "decimalZero": _padded(2),
    "decimalFullWidth": _digits("０１２３４５６７８９"),
    "decimalFullWidth2": _digits("０１２３４５６７８９"),
    "hindiNumbers": _digits("०१२३४५६७८९"),
    "thaiNumbers": _digits("๐๑๒๓๔๕๖๗๘๙"),
    "hex": lambda count: f"{count:X}",
    "numberInDash": lambda count: f"- {count} -",
    "ordinal": _ordinal,
    "cardinalText": _cardinal,
    "ordinalText": _ordinal_words,
    "chicago": _repeated("*†‡§"),
    "lowerRoman": _roman,
    "upperRoman": lambda count: _roman(count).upper(),
    "lowerLetter": _repeated("abcdefghijklmnopqrstuvwxyz"),
    "upperLetter": _repeated("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    "russianLower": _repeated(_RUSSIAN),
    "russianUpper": _repeated(_RUSSIAN.upper()),
    "decimalEnclosedCircle": _run("①", 20),
    "decimalEnclosedCircleChinese": _run("①", 10),
    "decimalEnclosedFullstop": _run("⒈", 20),
    "decimalEnclosedParen": _run("⑴", 20),
    "ideographEnclosedCircle": _run("㈠", 10),
    "ideographTraditional": _each(_STEMS),
    "ideographZodiac": _each(_BRANCHES),
    "ideographZodiacTraditional": _cycle,
    "ideographDigital": _digits("〇" + _HAN),
    "japaneseDigitalTenThousand": _ten_thousands,
    "chineseCounting": _to_99(_HAN, "十", "○"),
    "taiwaneseCounting": _to_99(_HAN, "十", "○"),
    "taiwaneseDigital": _digits("○" + _HAN),
    "chineseCountingThousand": _counted(_HAN, "十百千万", "零", bare=True),
    "taiwaneseCountingThousand": _counted(_HAN, "十百千萬", "零", bare=True),
    "chineseLegalSimplified": _counted("壹贰叁肆伍陆柒捌玖", "拾佰仟万", "零"),
    "ideographLegalTraditional": _counted("壹貳參肆伍陸柒捌玖", "拾佰仟萬", "零"),
    "japaneseCounting": _counted(_HAN, "十百千万", ones="十百千"),
    "japaneseLegal": _counted("壱弐参四伍六七八九", "拾百阡萬"),
    "koreanDigital": _digits("영일이삼사오육칠팔구"),
    "koreanDigital2": _digits("零" + _HAN),
    "koreanCounting": _counted("일이삼사오육칠팔구", "십백천만", ones="십백천"),
    "aiueo": _around(_HALF_AIUEO),
    "aiueoFullWidth": _around(_AIUEO),
    "iroha": _repeated(_HALF_IROHA),
    "irohaFullWidth": _repeated(_IROHA),
    "ganada": _repeated("가나다라마바사아자차카타파하"),
    "chosung": _repeated("ㄱㄴㄷㄹㅁㅂㅅㅇㅈㅊㅋㅌㅍㅎ"),
    # What Word writes beside the standard's list, by its pattern (MS-DOCX, 2.4).
    "α, β, γ, ...": _repeated(_GREEK),
    "Α, Β, Γ, ...": _repeated(_GREEK.upper()),
    "001, 002, 003, ...": _padded(3),
    "0001, 0002, 0003, ...": _padded(4),
    "00001, 00002, 00003, ...": _padded(5),
}
