"""`python cli.py` is `sealbook`, from a checkout."""

from ledger.cli import main

if __name__ == "__main__":
    main()
