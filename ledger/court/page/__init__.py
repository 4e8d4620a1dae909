"""The verifier page: one HTML file that verifies without a network, built from `page/`."""

from importlib.resources import files

from ledger.errors import NotFound

NAME = "verifier.html"


def verifier_page() -> bytes:
    """Return the page's file. Raises NotFound in a checkout in which it was not built."""
    place = files(__name__).joinpath(NAME)
    if not place.is_file():
        raise NotFound("The verifier page was not built in this checkout; run: make page")
    return place.read_bytes()
