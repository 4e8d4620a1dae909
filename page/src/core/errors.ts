// The error tree of ledger/errors.py, as far as a verifier meets it. A message is a sentence for a person.

export class SealbookError extends Error {
  readonly code: string = "error";
}

/** What was handed in cannot be used. */
export class InvalidInput extends SealbookError {
  override readonly code: string = "invalid-input";
}

/** A parser refused bytes. */
export class MalformedData extends InvalidInput {
  override readonly code = "malformed";
}

/** Something is over a stated limit. */
export class TooLarge extends InvalidInput {
  override readonly code = "too-large";
}

/** A signature, proof, authentication tag or hash does not hold. */
export class VerificationFailed extends SealbookError {
  override readonly code: string = "verification-failed";
}

/** An age file could not be opened. */
export class DecryptionFailed extends VerificationFailed {
  override readonly code: string = "decryption-failed";
}

/** None of the identities at hand is a recipient of the file. */
export class NoMatchingIdentity extends DecryptionFailed {
  override readonly code = "no-matching-identity";
}

/** The passphrase does not open the file. */
export class WrongPassphrase extends DecryptionFailed {
  override readonly code = "wrong-passphrase";
}
