"""The words for people, in Chinese and English."""

from ledger.catalogue.claims import describe, status_words, verdict
from ledger.catalogue.sentences import say
from ledger.catalogue.words import (
    CHINESE,
    ENGLISH,
    LANGUAGES,
    Described,
    Fact,
    choose_language,
)

__all__ = [
    "CHINESE",
    "ENGLISH",
    "LANGUAGES",
    "Described",
    "Fact",
    "choose_language",
    "describe",
    "say",
    "status_words",
    "verdict",
]
