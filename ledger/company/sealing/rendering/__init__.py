"""The child process that takes apart what strangers wrote.

It runs as `python -I -m ledger.company.sealing.rendering`.

One JSON object on each line of its input asks for the renditions of one file, and one on each line of
its output answers. The files lie in its working folder.

    request  = { "kind": "page" / "text" / "sheets" / "slides" / "ofd", "source": file,
                 "folder": where to, "bytes": most to write, "files": most to write,
                 "seconds": most to take }
             / { "kind": "words", "page": base64 of a PDF, "bytes": .., "seconds": .. }
    answer   = { "text": what it says }                                        of words
             / { "tool": name and version, "files": [file, ..] }                 folder/1, folder/2, ..
             / { "refused": why, as the end of a sentence }
    file     = { "kind": what it shows, "remarks": [remark, ..] }          see ledger.evidence.remarks
             / the same with "parts": [[begin, end, path, label]]               outer before inner

Nothing it says is believed before `ledger.company.sealing.renditions` has looked at it.
"""


class NotRendered(Exception):
    """No rendition can be made. `str()` is the reason, the end of a sentence."""
