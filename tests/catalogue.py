"""The Chinese of messages that the catalogue does not have yet: fragments in `changes/`."""

import gettext

from examples.make_messages import read
from examples.messages import ROOT


class Fragments(gettext.NullTranslations):
    """What the fragments say; else what the catalogue says."""

    def __init__(self, catalogue: gettext.NullTranslations) -> None:
        super().__init__()
        self.add_fallback(catalogue)
        self.found = read(sorted((ROOT / "changes").glob("*.po")))

    def gettext(self, message: str) -> str:
        return self.found.get(("", message)) or super().gettext(message)
