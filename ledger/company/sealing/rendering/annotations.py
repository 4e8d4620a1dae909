"""Annotations that each reader draws by itself: without a stored appearance, not part of a page."""

from collections.abc import Iterator

from pikepdf import Array, Dictionary, Name, Object, Stream

from ledger.evidence.remarks import MAX_NAMES, Remark

_UNSEEN = 0x2 | 0x20
"""Flags: hidden; not shown on the screen."""
_MOST = 32
"""Characters of a kind that are shown."""
_DEEPEST = 32
"""Fields above a field, from which it inherits."""


def undrawn(page: Object) -> list[Remark]:
    """Return how many annotations of a page, of which kinds, and how many frames around links, readers
    draw without a stored appearance. Those that show nothing on the screen do not count.
    """
    kinds: list[str] = []
    frames = 0
    for each in _shown(page.get("/Annots")):
        if each.get("/Subtype") == Name.Link:
            frames += _width(each) > 0
        elif not _has_appearance(each) and not _is_empty_field(each):
            kinds.append(_kind(each))
    names = [each for each in dict.fromkeys(kinds) if each]
    found = []
    if kinds:
        shown, more = tuple(names[:MAX_NAMES]), len(names[MAX_NAMES:])
        found.append(Remark("annotations", len(kinds), shown, more))
    if frames:
        found.append(Remark("link-frames", frames))
    return found


def _kind(annotation: Dictionary) -> str:
    kind = annotation.get("/Subtype")
    return str(kind)[1 : _MOST + 1] if isinstance(kind, Name) else ""


def _shown(annotations: Object | None) -> Iterator[Dictionary]:
    for each in annotations if isinstance(annotations, Array) else ():
        if not isinstance(each, Dictionary) or each.get("/Subtype") == Name.Popup:
            continue
        flags = each.get("/F", 0)
        if not (isinstance(flags, int) and flags & _UNSEEN):
            yield each


def _number(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0.0


def _width(link: Dictionary) -> float:
    """Return how wide the frame of a link is; 1 where nothing is said."""
    style, border = link.get("/BS"), link.get("/Border")
    if isinstance(style, Dictionary):
        return _number(style.get("/W", 1))
    if isinstance(border, Array) and len(border) >= 3:
        return _number(border[2])
    return 1.0


def _has_appearance(annotation: Dictionary) -> bool:
    stored = annotation.get("/AP")
    normal = stored.get("/N") if isinstance(stored, Dictionary) else None
    # A dictionary has an appearance for each state; a state without one shows nothing.
    return isinstance(normal, Stream | Dictionary)


def _is_empty_field(annotation: Dictionary) -> bool:
    if annotation.get("/Subtype") != Name.Widget:
        return False
    box, looks = annotation.get("/Rect"), annotation.get("/MK")
    if isinstance(box, Array) and len(box) == 4 and _is_flat(box):
        return True
    if isinstance(looks, Dictionary) and {"/BC", "/BG", "/CA"} & set(looks.keys()):
        return False
    value = _inherited(annotation, "/V")
    return value is None or str(value) in ("", "/Off")


def _is_flat(box: Array) -> bool:
    left, bottom, right, top = (_number(each) for each in box)
    return left == right or bottom == top


def _inherited(field: Dictionary, key: str) -> Object | None:
    for _ in range(_DEEPEST):
        if key in field:
            return field.get(key)
        above = field.get("/Parent")
        if not isinstance(above, Dictionary):
            break
        field = above
    return None
