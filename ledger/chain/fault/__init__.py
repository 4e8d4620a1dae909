"""Faults, `*.fault`: what a log has signed that no honest log signs, in one file for a stranger.

    fork      a tree that the log signed does not begin with a smaller one that it signed,
              or two of one size have two roots
    leaves    one index, two leaf hashes, under trees that the log signed
    rewind    two ML-DSA-44 lines of the log: the later time over the smaller tree
    gap       two entries that cannot both stand where they stand: block records whose heights, spans or
              times do not follow, deposits of a matter out of order, a deposit after its key's end
              or before its enrolment, a key enrolled or revoked twice
    link      a block record that names another note than the one that closed the block before
    time      a block record whose time lies before a token that it names, or after one over the
              checkpoint that holds it; the trust file names the token's authority
    forged    an entry that is no statement, is for another ledger or place, or is not signed by its
              signer

A fault is proven by the file and a trust file alone: every part of it is under a signature of the log,
by a key that the trust file names. It shows that whoever holds the key signed both, not who that was.
What rests on absence (an enrolment that nobody entered) needs the whole ledger and has no fault file.
"""
