// Whom a verifier trusts for timestamps, and which hash functions no more from when on.

import type { Int } from "../bytes.ts";
import { MalformedData } from "../errors.ts";
import { readCertificate } from "../x509.ts";

/** Hash functions, each with the POSIX second from which on a verifier trusts it no more. */
export type Doubts = readonly (readonly [string, Int])[];

/** A timestamp authority that a verifier trusts; `certificate` (DER) is its root, or its own. */
export interface Authority {
  readonly name: string;
  readonly certificate: Uint8Array;
  /** The object identifier that its tokens must state, null for any. */
  readonly policy: string | null;
  /** Seconds, assumed where a token is silent. */
  readonly accuracy: number;
  readonly url: string | null;
}

/** Throw MalformedData unless `data` is a certificate whose names can be read. */
export function requireAuthorityCertificate(data: Uint8Array): void {
  try {
    readCertificate(data);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new MalformedData("what stands as a timestamp authority's certificate is none");
  }
}
