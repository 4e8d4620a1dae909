"""From the spool to the notary and back with a receipt."""
