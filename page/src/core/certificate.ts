// The X.509 profile of the seal: ledger/chain/certificate.py.

import type { Int } from "./bytes.ts";
import { MAX_DATE } from "./dates.ts";
import { MalformedData, SealbookError, VerificationFailed } from "./errors.ts";
import { buildPath, type Profile } from "./path.ts";
import { publicKey, type PublicKey } from "./signatures.ts";
import {
  basicConstraints, DIGITAL_SIGNATURE, extendedKeyUsage, formatName, keyUsage, KEY_CERT_SIGN, parseCertificate,
  requireReadable, type Certificate,
} from "./x509.ts";

const DOCUMENT_SIGNING = "1.3.6.1.5.5.7.3.36", ANY_USAGE = "2.5.29.37.0";

/** Who may seal: `subject` (RFC 4514), certified by `authority`, a certificate in DER. */
export interface SealAnchor {
  readonly subject: string;
  readonly authority: Uint8Array;
}

/** Throw MalformedData unless the certificate is one of an authority. */
export function requireAuthority(data: Uint8Array): void {
  try {
    const certificate = parseCertificate(data);
    requireReadable(certificate.extensions);
    if (basicConstraints(certificate)?.ca && keyUsage(certificate)?.(KEY_CERT_SIGN)) return;
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
  }
  throw new MalformedData("a seal's authority in the trust file is no certificate of an authority");
}

/**
 * Return the certificate's P-256 key (x and y) and subject, once an anchor vouches for both at `time`. Throws
 * VerificationFailed.
 */
export async function certifiedKey(
  data: Uint8Array, anchors: readonly SealAnchor[], time: Int,
): Promise<[Uint8Array, string]> {
  let certificate: Certificate, subject: string, key: PublicKey | null;
  try {
    certificate = parseCertificate(data);
    subject = formatName(certificate.subject);
    key = keyOf(certificate);
  } catch (error) {
    if (!(error instanceof MalformedData)) throw error;
    throw new VerificationFailed("a certificate of the seal cannot be read");
  }
  const authorities = anchors.filter((anchor) => anchor.subject === subject);
  if (authorities.length === 0) {
    throw new VerificationFailed("the seal's certificate names another subject than you trust");
  }
  let issued = false;
  for (const anchor of authorities) issued ||= await isIssued(certificate, anchor.authority, Number(time));
  if (!issued) {
    throw new VerificationFailed(
      "the seal's certificate is not one that an authority you trust has issued for sealing, or it was not " +
        "valid at that time",
    );
  }
  if (key?.kind !== "ec" || key.curve !== "P-256") {
    throw new VerificationFailed("the seal's certificate holds no P-256 key");
  }
  return [key.point.slice(1), subject];
}

function keyOf(certificate: Certificate): PublicKey | null {
  try {
    return publicKey(certificate);
  } catch (error) {
    if (!(error instanceof VerificationFailed)) throw error;
    return null;
  }
}

async function isIssued(certificate: Certificate, authority: Uint8Array, time: number): Promise<boolean> {
  if (time > MAX_DATE) return false;
  try {
    await buildPath(certificate, [], parseCertificate(authority), time, SEAL);
    return true;
  } catch (error) {
    if (!(error instanceof SealbookError)) throw error;
    return false;
  }
}

const SEAL: Profile = {
  maxDepth: 0,
  authority: (each) => basicConstraints(each)?.ca === true && keyUsage(each)?.(KEY_CERT_SIGN) === true,
  signer: (each) => {
    const usage = extendedKeyUsage(each);
    return (
      basicConstraints(each)?.ca === false && keyUsage(each)?.(DIGITAL_SIGNATURE) === true &&
      (usage === null || usage.includes(DOCUMENT_SIGNING) || usage.includes(ANY_USAGE))
    );
  },
};
