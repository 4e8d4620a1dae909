"""A receipt as a drawing (SVG): deposit, path in the tree, block, checkpoint, witnesses, timestamps.

Drawn is what a verification has shown, claim by claim, and no name or content of the deposit. From the
ground up, as the proof goes: commitment and statement, the entry's block in the chain, the inclusion
path (RFC 9162, section 2.1.3) to the root, the checkpoint over it, who else stands for that.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from ledger.chain import report as rp
from ledger.chain.report import Report
from ledger.crypto.merkle import path_sides
from ledger.language import CHINESE, beijing, tr, utc
from ledger.quoted import Message, Words, in_fours, quoted

WIDTH = 760
_INK, _LINE, _PAPER, _GREY = "#1b2a41", "#8a8577", "#fbfaf7", "#5c5c5c"
_COLORS = {rp.PROVEN: "#1a6b3c", rp.STATED: "#2f5486", rp.NOT_SHOWN: _GREY, rp.FAILED: "#a4262c"}
_STEP, _NAMES, _ROOM = 30, 4, 26
"""Height of a level of the path; names in a box; columns of a name."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands beside a fact: a status of a report, and who or what shows or states it, in words."""

    status: str
    words: Words


@dataclass(frozen=True, slots=True)
class Entered:
    """The deposit under its proof: index, commitment (hexadecimal) and inclusion path, leaf first."""

    index: int
    commitment: str
    path: tuple[bytes, ...]
    depositor: Mark


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn; hashes in hexadecimal, times in POSIX seconds.

    `entered` is None for the picture of a block alone. `witnesses` and `authorities` are names.
    """

    origin: str
    height: int
    start: int
    size: int
    previous: str
    tree_size: int
    root: str
    time: int
    ledger: Mark
    timed: Mark
    witnesses: tuple[str, ...]
    witnessed: Mark
    authorities: tuple[str, ...]
    earliest: int | None = None
    latest: int | None = None
    entered: Entered | None = None


def picture_of(report: Report, path: Sequence[bytes], language: str) -> Picture | None:
    """Return the picture of a receipt whose report this is, `path` its inclusion proof.

    None where its place in the ledger or its block is not proven, or one of its claims failed.
    """
    from ledger.court.claims import status_words
    from ledger.court.relied import refused

    ledger, block = report.claim(rp.LEDGER), report.claim(rp.BLOCK)
    if ledger.status != rp.PROVEN or block.status != rp.PROVEN or refused(report) is not None:
        return None

    def mark(name: str) -> Mark:
        claim = report.claim(name)
        return Mark(claim.status, status_words(claim.status, claim.by, language))

    time, seen = report.claim(rp.TIME), report.claim(rp.WITNESSES)
    return Picture(
        origin=ledger.facts["origin"],
        height=block.facts["height"],
        start=block.facts["start"],
        size=block.facts["size"],
        previous=block.facts["previous"],
        tree_size=ledger.facts["size"],
        root=ledger.facts["root"],
        time=time.facts.get("time", 0),
        ledger=mark(rp.LEDGER),
        timed=mark(rp.TIME),
        witnesses=tuple(each["name"] for each in seen.facts.get("witnesses", ())),
        witnessed=mark(rp.WITNESSES),
        authorities=tuple(time.facts.get("authorities", ())),
        earliest=time.facts.get("earliest"),
        latest=time.facts.get("latest"),
        entered=Entered(
            ledger.facts["index"], ledger.facts["commitment"], tuple(path), mark(rp.DEPOSITOR)
        ),
    )


def draw(picture: Picture, language: str) -> str:
    """Return the picture as an SVG document that needs nothing else: no script, no font, no link."""
    return _Drawing(picture, language).document()


class _Drawing:
    """Places boxes from the top down; `parts` is what was drawn."""

    def __init__(self, picture: Picture, language: str) -> None:
        self.picture, self.language = picture, language
        self.parts: list[str] = []

    def say(self, message: Message, **values: int | Words) -> Words:
        return tr(message, self.language, **values)

    def document(self) -> str:
        shown = self.picture
        top = self._above()
        bottom = self._spine(top)
        bottom = self._chain(bottom)
        if shown.entered is not None:
            bottom = self._below(shown.entered, bottom)
        height = bottom + 18
        title = (
            self.say("Block {height}", height=shown.height)
            if shown.entered is None
            else self.say("What this receipt shows, from the deposit up to the checkpoint")
        )
        font = "'Noto Sans CJK SC', 'Microsoft YaHei', 'PingFang SC', sans-serif"
        family = font if self.language == CHINESE else f"Helvetica, Arial, {font}"
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
                f'width="{WIDTH}" height="{height}" role="img" font-family="{family}" '
                f'font-size="13" fill="{_INK}">',
                f"<title>{escape(title)}</title>",
                f"<desc>{escape(self._told())}</desc>",
                f'<rect width="{WIDTH}" height="{height}" fill="{_PAPER}"/>',
                *self.parts,
                "</svg>",
                "",
            ]
        )

    def _told(self) -> str:
        """Return the drawing in words, for whoever does not see it."""
        shown = self.picture
        said = [
            self.say(
                "Block {height} holds entries {first:,} to {last:,}.",
                height=shown.height,
                first=shown.start,
                last=shown.size - 1,
            ),
            self.say(
                "The checkpoint is over {size:,} entries. Its root begins with {root}.",
                size=shown.tree_size,
                root=Words(shown.root[:16]),
            ),
        ]
        if shown.entered is not None:
            said.insert(
                0,
                self.say(
                    "Entry {index:,} leads to the root of the tree by {count} hashes.",
                    index=shown.entered.index,
                    count=len(shown.entered.path),
                ),
            )
        return " ".join(said)

    def _above(self) -> int:
        """Draw the checkpoint and who stands for it; return where the checkpoint's box ends."""
        shown = self.picture
        self._box(268, 18, 224, 124, shown.ledger.status, self.say("Checkpoint"), shown.ledger)
        self._texts(
            380,
            60,
            [
                quoted(shown.origin).inline(_ROOM),
                self.say("{size:,} entries", size=shown.tree_size),
                self.say("signed by the notary"),
            ],
        )
        self._box(16, 18, 220, 124, shown.timed.status, self.say("Time"), shown.timed)
        self._texts(126, 60, [*self._times(), *self._names(shown.authorities, 1)])
        self._box(524, 18, 220, 124, shown.witnessed.status, self.say("Witnesses"), shown.witnessed)
        self._texts(634, 60, list(self._names(shown.witnesses, _NAMES - 1)))
        self._line(236, 77, 268, 77)
        self._line(524, 77, 492, 77)
        return 142

    def _times(self) -> Iterator[str]:
        shown = self.picture
        if shown.earliest is not None:
            yield self.say("not before {time}", time=self._when(shown.earliest))
        if shown.latest is not None:
            yield self.say("not after {time}", time=self._when(shown.latest))
        else:
            yield self._when(shown.time)

    def _when(self, seconds: int) -> Words:
        """Return a time: in UTC, for readers of Chinese in Beijing."""
        if self.language != CHINESE:
            return utc(seconds)
        return Words(f"{beijing(seconds)} UTC+8")

    def _names(self, names: Sequence[str], most: int) -> Iterator[str]:
        """Yield names, bounded; how many are not shown is said."""
        for name in names[:most]:
            yield quoted(name).inline(_ROOM)
        if len(names) > most:
            yield self.say("and {count} more", count=len(names) - most)

    def _spine(self, top: int) -> int:
        """Draw the inclusion path from the root down; return where the leaf is."""
        shown = self.picture
        at = top + 34
        self._line(380, top, 380, at - 12)
        self._node(380, at, shown.root, _INK)
        self._text(396, at - 14, self.say("root"), anchor="start", fill=_GREY)
        if shown.entered is None:
            self._line(380, at + 12, 380, at + 30)
            return at + 30
        steps = path_sides(shown.entered.index, shown.tree_size)
        for left, digest in reversed(list(zip(steps, shown.entered.path, strict=True))):
            beside = 230 if left else 530
            self._line(380, at + 12, 380, at + _STEP)
            self._line(380, at + 12, beside, at + _STEP - 11)
            at += _STEP
            self._node(beside, at, digest.hex(), _GREY)
            self.parts.append(f'<circle cx="380" cy="{at}" r="3.5" fill="{_INK}"/>')
        self._line(380, at + (12 if not shown.entered.path else 0), 380, at + 32)
        return at + 32

    def _chain(self, top: int) -> int:
        """Draw the block between those before and after it; return where its box ends."""
        shown = self.picture
        end = top + 78
        self._box(250, top, 260, 78, rp.PROVEN, self.say("Block {height}", height=shown.height))
        self._texts(
            380,
            top + 42,
            [
                self.say("entries {first:,} to {last:,}", first=shown.start, last=shown.size - 1),
                self._when(shown.time),
            ],
        )
        if shown.height:
            self._beside(16, top, self.say("Block {height}", height=shown.height - 1))
            self._text(106, top + 56, shown.previous[:16], mono=True)
            self._line(250, top + 39, 196, top + 39, head=True)
        if shown.tree_size > shown.size:
            self._beside(564, top, self.say("later entries"))
            self._line(564, top + 39, 510, top + 39, head=True)
        return end

    def _below(self, entered: Entered, top: int) -> int:
        """Draw statement and commitment; return where they end."""
        at = top + 34
        self._line(380, at, 380, top)
        self._box(
            250,
            at,
            260,
            66,
            entered.depositor.status,
            self.say("Entry {index:,}: the deposit", index=entered.index),
            entered.depositor,
        )
        at += 66 + 34
        self._line(380, at, 380, at - 34)
        self._box(186, at, 388, 88, rp.NOT_SHOWN, self.say("Commitment (salted fingerprint)"))
        groups = in_fours(entered.commitment)
        self._text(380, at + 42, " ".join(groups[:8]), mono=True)
        self._text(380, at + 59, " ".join(groups[8:]), mono=True)
        told = self.say("sealed on the depositor's computer; nothing of it is in this picture")
        self._text(380, at + 79, told, fill=_GREY, size=11)
        return at + 88

    def _beside(self, x: int, top: int, title: str) -> None:
        self.parts.append(
            f'<rect x="{x}" y="{top + 8}" width="180" height="62" rx="4" fill="none" '
            f'stroke="{_LINE}" stroke-dasharray="4 3"/>'
        )
        self._text(x + 90, top + 36, title, fill=_GREY)

    def _box(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        status: str,
        title: str,
        mark: Mark | None = None,
    ) -> None:
        """Draw a box. Its edge is by the status, which a word says as well."""
        color = _LINE if mark is None else _COLORS[status]
        dashes = ' stroke-dasharray="5 3"' if mark is not None and status != rp.PROVEN else ""
        self.parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="4" fill="#ffffff" '
            f'stroke="{color}" stroke-width="1.5"{dashes}/>'
        )
        self._text(x + width // 2, y + 21, title, bold=True)
        if mark is not None:
            self._text(x + width // 2, y + height - 10, mark.words, fill=color, size=11)

    def _node(self, x: int, y: int, digest: str, color: str) -> None:
        self.parts.append(
            f'<rect x="{x - 42}" y="{y - 11}" width="84" height="22" rx="3" fill="#ffffff" '
            f'stroke="{color}"/>'
        )
        self._text(x, y + 4, digest[:8] + "…", mono=True, fill=color, size=11)

    def _texts(self, x: int, y: int, lines: Sequence[str]) -> None:
        for number, line in enumerate(lines):
            self._text(x, y + 17 * number, line, size=12)

    def _text(
        self,
        x: int,
        y: int,
        text: str,
        *,
        fill: str = _INK,
        size: int = 13,
        bold: bool = False,
        mono: bool = False,
        anchor: str = "middle",
    ) -> None:
        more = ' font-weight="bold"' if bold else ""
        more += " font-family=\"'DejaVu Sans Mono', Menlo, Consolas, monospace\"" if mono else ""
        self.parts.append(
            f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="{size}" fill="{fill}"{more}>'
            f"{escape(text)}</text>"
        )

    def _line(self, x1: int, y1: int, x2: int, y2: int, *, head: bool = False) -> None:
        self.parts.append(
            f'<path d="M{x1} {y1} {x2} {y2}" fill="none" stroke="{_LINE}" stroke-width="1.2"/>'
        )
        if head:
            step = 7 if x2 < x1 else -7
            self.parts.append(
                f'<path d="M{x2} {y2} {x2 + step} {y2 - 4} {x2 + step} {y2 + 4}z" fill="{_LINE}"/>'
            )
