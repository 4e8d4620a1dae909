"""The notary office: it enters sealed deposits and cannot open what it keeps."""
