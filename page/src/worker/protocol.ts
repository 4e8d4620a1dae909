// What the page asks its worker, and what that answers.

import type { MailReading } from "../core/evidence/mail.ts";
import type { Kind as Shown } from "../core/evidence/shown.ts";
import type { Doubts } from "../core/timestamp/authority.ts";
import type { Status } from "../core/report.ts";
import type { Pass, Verdict as Checked } from "../core/evidence/verify_file.ts";

export interface TrustShown {
  readonly origin: string;
  readonly issuer: string;
  /** POSIX seconds. */
  readonly issued: number;
  readonly required: readonly string[];
  readonly fingerprint: string;
  readonly sha256: string;
}

/** The verdict on a file, what `sealbook verify --json` prints of it. */
export interface Verdict extends Checked {
  readonly file: string;
}

/** Something of a deposit that can be read: a whole document, or a piece of one. */
export interface Content {
  readonly size: number;
  readonly kind: Shown;
}

/** Content by its number in a deposit of the file. */
export interface Place {
  readonly deposit: number;
  readonly content: number;
}

/** A file that lay beside an evidence file: the contents that it equals byte for byte, and parts that it holds. */
export interface Compared {
  readonly name: string;
  readonly size: number;
  readonly equals: readonly Place[];
  readonly holds: readonly Place[];
  readonly unread: boolean;
}

export interface Result {
  /** What content is asked for by. */
  readonly id: number;
  readonly verdict: Verdict;
  readonly sha256: string;
  /** Whether a file beside it was given for one of inspection records, and is none. */
  readonly withoutInspections: boolean;
  /** Contents that can be read, for each deposit of the file. */
  readonly contents: readonly (readonly Content[])[];
  readonly compared: readonly Compared[];
}

/** What a dropped file is, by its bytes. */
export type Kind = "receipt" | "evidence" | "sealed" | "record" | "inspection" | "identity" | "trust" | "other" | "unreadable";

export interface Asked {
  readonly file: File;
  readonly record: File | null;
  readonly inspections: File | null;
  readonly others: readonly File[];
  readonly trust: Uint8Array;
  /** POSIX seconds that the file is judged as of. */
  readonly at: number;
  /** Hash functions that are trusted no more, from a POSIX second on. */
  readonly doubts: Doubts;
  /** What opens a sealed file: an identity's text, and the passphrase of it or of the file. */
  readonly identity: Uint8Array | null;
  readonly passphrase: string | null;
}

export type Question =
  | { readonly ask: "trust"; readonly data: Uint8Array }
  | { readonly ask: "kinds"; readonly files: readonly File[] }
  | { readonly ask: "verify"; readonly asked: Asked }
  | { readonly ask: "mail"; readonly result: number; readonly deposit: number; readonly content: number }
  | { readonly ask: "read"; readonly result: number; readonly deposit: number; readonly content: number; readonly offset: number; readonly size: number };

export type Answer =
  | { readonly told: "trust"; readonly trust: TrustShown }
  | { readonly told: "kinds"; readonly kinds: readonly Kind[] }
  | { readonly told: "result"; readonly result: Result }
  | { readonly told: "mail"; readonly mail: MailReading }
  | { readonly told: "bytes"; readonly data: Uint8Array };

/** What goes on meanwhile: a step of verification, or how far something is that takes long. */
export type Progress =
  | { readonly deposit: number; readonly step: number; readonly status: Status }
  | { readonly doing: Doing; readonly done: number; readonly of: number };

/** What is done; `comparing` counts files, all else bytes. */
export type Doing = Pass | "hashing" | "comparing";

export type FromWorker =
  | { readonly id: number; readonly answer: Answer }
  | { readonly id: number; readonly progress: Progress }
  | { readonly id: number; readonly error: { readonly code: string; readonly message: string } };

export interface ToWorker {
  readonly id: number;
  readonly question: Question;
}
