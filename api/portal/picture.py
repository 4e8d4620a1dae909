"""A block as a drawing: the same as of a receipt, without a deposit; nothing in it is proven here."""

from markupsafe import Markup

from ledger.chain import report as rp
from ledger.court.picture import Mark, Picture, draw
from ledger.language import tr

from .ledger import BlockView


def block_picture(found: BlockView, origin: str, language: str) -> Markup:
    """Return a block and what vouches for its own checkpoint, as SVG for a page."""
    row, anchor = found.row, found.anchor
    own = anchor if anchor is not None and anchor.height == row.block.height else None
    stated = Mark(rp.STATED, tr("stated by the office", language))
    later = (
        tr("none yet", language)
        if anchor is None or own is not None
        else tr("over block {height}", language, height=anchor.height)
    )
    missing = Mark(rp.NOT_SHOWN, later)
    witnesses = () if own is None else tuple(each.name for each in own.cosigners)
    tokens = () if own is None else own.tokens
    authorities = tuple(each.authority for each in tokens if each.authority)
    picture = Picture(
        origin=origin,
        height=row.block.height,
        start=row.block.start,
        size=row.block.size,
        previous=row.block.previous.hex(),
        tree_size=row.block.size,
        root=row.root.hex(),
        time=row.block.time,
        ledger=stated,
        timed=stated,
        witnesses=witnesses,
        witnessed=stated if witnesses else missing,
        authorities=authorities,
        latest=min((each.time for each in tokens if each.authority), default=None),
    )
    return Markup(draw(picture, language))  # noqa: S704 - escaped by `draw`, which quotes names
