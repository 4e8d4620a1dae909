"""The process that `ledger.company.sealing.committing` starts: requests in, commitments out.

    request = size in 8 bytes, big-endian, then a pickled sequence of Uncommitted
    answer  = D_j of each, 32 bytes

It loads what hashing needs and nothing else. Its input comes from the process that started it.
"""

import pickle
import sys


def main() -> None:
    """Answer requests until there are no more."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while head := requests.read(8):
        documents = pickle.loads(requests.read(int.from_bytes(head, "big")))  # noqa: S301
        answers.write(b"".join(each.commit() for each in documents))
        answers.flush()


if __name__ == "__main__":
    main()
