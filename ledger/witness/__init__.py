"""A witness that another institution runs: it cosigns what is consistent with all it has seen."""
