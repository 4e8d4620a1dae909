"""The words for people, in Chinese and English."""

from ledger.court.claims import describe, status_words, verdict
from ledger.court.sentences import say
from ledger.court.words import Described, Fact
from ledger.language import CHINESE, ENGLISH, LANGUAGES, choose_language

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
