"""The vault: deposits, receipts, keys and matters on the company's machine."""
