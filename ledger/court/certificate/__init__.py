"""Certificates: what one says, and how it is set. It is signed by whoever has the seal's key."""
