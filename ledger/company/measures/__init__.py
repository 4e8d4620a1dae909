"""The register of confidentiality measures."""
