"""`python -m ledger` is `sealbook`."""

from ledger.cli import main

if __name__ == "__main__":
    main()
