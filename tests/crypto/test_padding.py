"""PADMÉ: few sizes, little waste (Nikitin et al., PETS 2019, section 4)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ledger.crypto.padding import padme

SIZES = some.integers(2, 2**60)


def by_the_paper(size: int) -> int:
    """Algorithm 1 of the paper, with its own names."""
    e = math.floor(math.log2(size)) if size < 2**40 else size.bit_length() - 1
    s = math.floor(math.log2(e)) + 1 if e else 0
    last_bits = e - s
    bit_mask = 2**last_bits - 1 if last_bits > 0 else 0
    return (size + bit_mask) & ~bit_mask


@given(SIZES)
def test_it_is_the_algorithm_of_the_paper(size: int) -> None:
    assert padme(size) == by_the_paper(size)


@pytest.mark.parametrize(
    ("size", "padded"),
    [(0, 0), (1, 1), (2, 2), (8, 8), (9, 10), (100, 104), (1000, 1024), (10_000, 10_240)],
)
def test_known_sizes(size: int, padded: int) -> None:
    assert padme(size) == padded


@given(SIZES)
def test_padding_never_shrinks_wastes_at_most_12_percent_and_is_stable(size: int) -> None:
    padded = padme(size)
    assert size <= padded <= size * 1.12
    assert padme(padded) == padded


@given(SIZES, SIZES)
def test_a_larger_input_never_gets_a_smaller_size(one: int, other: int) -> None:
    assert (padme(one) <= padme(other)) or one > other


def test_a_million_sizes_become_a_few_hundred() -> None:
    assert len({padme(size) for size in range(1, 2**20)}) <= 320
