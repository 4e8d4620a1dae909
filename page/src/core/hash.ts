// Hash functions by the names that the core uses.

import { sha1 } from "@noble/hashes/legacy.js";
import { sha224, sha256, sha384, sha512 } from "@noble/hashes/sha2.js";

export { sha256, sha512 } from "@noble/hashes/sha2.js";

export type HashName = "sha1" | "sha224" | "sha256" | "sha384" | "sha512";

const FUNCTIONS = { sha1, sha224, sha256, sha384, sha512 };

export function digest(name: HashName, data: Uint8Array): Uint8Array {
  return FUNCTIONS[name](data);
}

/** Return the state of a hash function, which takes what it hashes piece by piece. */
export function begin(name: HashName) {
  return FUNCTIONS[name].create();
}
