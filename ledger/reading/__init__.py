"""Bytes of mail and of texts as people read them: one decoder for all who show or search them.

Pure functions of bytes. A reading says what it is: the text, the charset and the transfer encoding it
was read by, and whether these were stated, follow from the bytes, or are a guess. A reading is never
proven and stands for no bytes; whoever shows one says so.

    charsets   a charset's label into a codec; text that nothing labels by its content (`guessing`)
    header     field values: encoded words, raw 8-bit text, parameters and file names
    body       MIME: transfer encodings, bodies, attachments; HTML to text (`html`)
    members    members of archives, unpacked
    shown      text on one line, and as it is compared in a search
"""
