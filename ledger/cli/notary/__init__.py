"""The notary office's commands."""
