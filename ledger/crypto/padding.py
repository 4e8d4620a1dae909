"""PADMÉ: pad a size so that it tells O(log log n) bits (Nikitin et al., PETS 2019, section 4)."""


def padme(size: int) -> int:
    """Return the smallest PADMÉ size that is at least `size`; at most 12 % above it."""
    if size < 2:
        return size
    exponent = size.bit_length() - 1
    mask = (1 << (exponent - exponent.bit_length())) - 1
    return (size + mask) & ~mask
