"""The Chinese of messages that the catalogue does not have yet: fragments in `changes/`."""

import ast
import gettext
from pathlib import Path

FRAGMENTS = Path(__file__).parents[1] / "changes"


class Fragments(gettext.NullTranslations):
    """What the fragments say; else what the catalogue says."""

    def __init__(self, catalogue: gettext.NullTranslations) -> None:
        super().__init__()
        self.add_fallback(catalogue)
        self.found = dict(
            pair for path in FRAGMENTS.glob("*.po") for pair in messages(path.read_text()).items()
        )

    def gettext(self, message: str) -> str:
        return self.found.get(message) or super().gettext(message)


def messages(text: str) -> dict[str, str]:
    """Return the messages of a PO file, each with its translation."""
    found: dict[str, str] = {}
    texts = {"msgid": "", "msgstr": ""}
    field = "msgid"
    for line in [*text.splitlines(), 'msgid ""']:
        head, _, rest = line.partition(" ")
        if head in texts:
            if head == "msgid" and texts["msgid"]:
                found[texts["msgid"]] = texts["msgstr"]
            field, texts[head] = head, ast.literal_eval(rest)
        elif line.startswith('"'):
            texts[field] += ast.literal_eval(line)
    return found
