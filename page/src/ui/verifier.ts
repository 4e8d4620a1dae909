// The worker that verifies, as the page speaks to it. What goes on there never holds up the page.

import type { Answer, FromWorker, Progress, Question, ToWorker } from "../worker/protocol.ts";
import { unpacked } from "./packed.ts";

/** A refusal, as the core worded it. */
export class Told extends Error {
  constructor(readonly code: string, message: string) {
    super(message);
  }
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Told): void;
  progress(each: Progress): void;
}

export class Verifier {
  readonly #worker = new Worker(unpacked("verifier") as string);
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  constructor() {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
      const waiting = this.#waiting.get(data.id);
      if ("progress" in data) waiting?.progress(data.progress);
      else {
        this.#waiting.delete(data.id);
        if ("answer" in data) waiting?.resolve(data.answer);
        else waiting?.reject(new Told(data.error.code, data.error.message));
      }
    };
    this.#worker.onerror = (event) => {
      event.preventDefault();
      for (const each of this.#waiting.values()) each.reject(new Told("stopped", event.message));
      this.#waiting.clear();
    };
  }

  /** Ask the worker; throws Told. */
  ask<T extends Answer["told"]>(
    told: T,
    question: Question,
    progress: (each: Progress) => void = () => {},
  ): Promise<Extract<Answer, { told: T }>> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        resolve: (answer) => answer.told === told && resolve(answer as Extract<Answer, { told: T }>),
        reject,
        progress,
      });
      this.#worker.postMessage({ id, question } satisfies ToWorker);
    });
  }

  stop(): void {
    this.#worker.terminate();
    for (const each of this.#waiting.values()) each.reject(new Told("stopped", ""));
    this.#waiting.clear();
  }
}
