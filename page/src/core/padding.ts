// PADMÉ: pad a size so that it tells O(log log n) bits (ledger/crypto/padding.py).

/** Return the smallest PADMÉ size that is at least `size`. */
export function padme(size: bigint): bigint {
  if (size < 2n) return size;
  const exponent = bitLength(size) - 1;
  const mask = (1n << BigInt(exponent - (32 - Math.clz32(exponent)))) - 1n;
  return (size + mask) & ~mask;
}

/** Return how many bits a positive integer has. */
export function bitLength(value: bigint): number {
  return value.toString(2).length;
}
