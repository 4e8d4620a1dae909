"""The notary office's commands, each imported when it is run."""
