"""The notary and the companies of the command line's tests."""

from tests.cli.conftest import applicant, company, notary, own_notary, stranger

__all__ = ["applicant", "company", "notary", "own_notary", "stranger"]
