// The browser's own signatures, of which not every browser has each.

import { concat } from "./bytes.ts";

/** Return whether a signature holds, null where WebCrypto does not say. `key` is a public key as it is. */
export async function holdsNatively(
  name: "Ed25519" | "ML-DSA-44", key: Uint8Array, message: Uint8Array, signature: Uint8Array,
): Promise<boolean | null> {
  const format = (name === "Ed25519" ? "raw" : "raw-public") as "raw";
  try {
    const imported = await crypto.subtle.importKey(format, concat(key), name, false, ["verify"]);
    return await crypto.subtle.verify(name, imported, concat(signature), concat(message));
  } catch {
    return null; // no such algorithm here, or no such key
  }
}
