"""Writes page/src/words/messages.json: the project's sentences for the verifier page.

    python page/make_messages.py

The tables of `ledger.court` go over as they are, in English, by the name that they have there. Beside
them stands the Chinese: of these tables, of every `tr("...")` in the page's sources, and of what the
core says of a file that it refuses, by which a sentence of it is recognised.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

from examples.make_messages import PO, read  # noqa: E402
from examples.messages import extract, typescript  # noqa: E402
from ledger.court import claims, cover, remarks, sentences, shown  # noqa: E402
from ledger.evidence import notices  # noqa: E402

TARGET = HERE / "src/words/messages.json"
CORE = (
    "ledger/chain/",
    "ledger/crypto/",
    "ledger/evidence/",
    "ledger/verify.py",
    "ledger/encoding.py",
)
"""Whose sentences the page's core says, too."""

_SAY = re.compile(r'(?<![.\w])say\("([a-z-]+)"')
_PLAIN = re.compile(r"(?:[^{}]|\{\{|\}\}|\{\d+\})*")


def tables() -> dict[str, Any]:
    """Return what the page takes over, by the name that it has there."""
    return {
        "titles": claims._TITLES,
        "status": claims._STATUS,
        "by": claims._BY,
        "texts": claims._TEXTS,
        "failures": claims._FAILURES,
        "facts": claims._FACTS,
        "notCounted": claims._NOT_COUNTED,
        "cover": cover._FIELDS,
        "fields": shown._FIELDS,
        "kinds": shown._KINDS,
        "components": shown._COMPONENTS,
        "remarks": remarks.REMARKS,
        "notices": [n.reason for n in vars(notices).values() if isinstance(n, notices.Notice)],
        "sentences": {key: sentences._SENTENCES[key] for key in sorted(set(_said()))},
        "special": _named(
            claims,
            "LATEST BOTH EARLIEST NO_LONGER RENEWED TOO_FEW IN_PART ANOTHER_PART RENDERED WITNESS "
            "AUTHORITY TOKEN OWN RECORD SHOWN_BY",
        ),
        "opened": _named(
            shown,
            "PARTIAL FIELDS_ONLY GAP STATED RENDITION MADE WHOLE NOTHING MATCH TOOL KIND OTHER_KIND "
            "SOME_TOOL",
        ),
        "said": _named(remarks, "LABEL MORE ONCE WHEN UNKNOWN"),
    }


def written() -> str:
    """Return the file's content. Raises SystemExit where a sentence of the page has no Chinese."""
    found = tables()
    chinese = read(PO)
    translated = {
        f"{context}\x04{text}".lstrip("\x04"): c for (context, text), c in chinese.items()
    }
    own = {each for each, _ in typescript()}
    if missing := sorted(own - translated.keys()):
        raise SystemExit("no Chinese for:\n" + "\n".join(map(repr, missing)))
    used = {each for each in (*_leaves(found), *own) if each in translated}
    refusals = {
        text: chinese[context, text]
        for (context, text), places in extract().items()
        if not context and _PLAIN.fullmatch(text) and any(p.startswith(CORE) for p in places)
        and (context, text) in chinese
    }  # fmt: skip
    value = {
        "tables": found | {"times": sorted(claims._TIMES), "digests": sorted(claims._DIGESTS)},
        "chinese": {each: translated[each] for each in sorted(used)},
        "refusals": dict(sorted(refusals.items())),
    }
    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


def _said() -> Iterator[str]:
    """Yield every key of a sentence that the page's sources say."""
    for path in sorted((HERE / "src").rglob("*.ts")):
        yield from _SAY.findall(path.read_text(encoding="utf-8"))


def _named(module: Any, names: str) -> dict[str, str]:
    return {name: getattr(module, f"_{name}") for name in names.split()}


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    else:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _leaves(each)


if __name__ == "__main__":
    TARGET.write_text(written(), encoding="utf-8")
