"""The notary's reasons and warnings in plain words."""

from ledger.language import tr
from ledger.notary.health import Reason, Warn
from ledger.quoted import Words


def reason(found: Reason, language: str) -> Words:
    """Return why nothing is entered now, for people who are not to mend it."""
    match found:
        case Reason.FAULT:
            return tr(
                "The ledger contradicts itself; a person of the office has to look.", language
            )
        case Reason.READ_ONLY:
            return tr("The notary's disk cannot be written now.", language)
        case Reason.FULL:
            return tr("The notary's disk is full.", language)
        case Reason.CLOCK:
            return tr("The notary's clock cannot be believed now.", language)
        case Reason.SEAL_EXPIRED:
            return tr("The certificate of the notary's seal is not valid now.", language)
        case Reason.KEYS_GONE:
            return tr("The device that holds the notary's keys does not answer.", language)
        case Reason.FILE_GONE:
            return tr("A file of the ledger was removed or replaced under the notary.", language)
        case Reason.OBJECTS_GONE:
            return tr("The notary cannot find the sealed files that it keeps.", language)
        case Reason.DATABASE:
            return tr("The notary's database does not answer.", language)
        case Reason.HANGS:
            return tr("The notary has come no further with a block for two minutes.", language)
        case Reason.WRITING:
            return tr("The notary could not write its last block.", language)
        case Reason.OBJECTS:
            return tr("The notary's store for sealed files cannot be written now.", language)
        case Reason.WITNESS:
            return tr(
                "A witness knows a longer or another history of this ledger than the notary has here.",
                language,
            )
        case Reason.HIGH_WATER:
            return tr("The notary's high-water mark cannot be read or written.", language)
        case Reason.SELF_CHECK:
            return tr("A receipt did not pass the notary's own check.", language)


def warning(found: Warn, language: str) -> Words:
    """Return what becomes a reason unless the office sees to it."""
    match found:
        case Warn.SEAL_EXPIRES:
            return tr("The certificate of the notary's seal runs out within weeks.", language)
