// The page's side of the worker.

import { Problem } from "../sound/problem.js";

/** Opens the models in a worker; `ready` resolves when they are open. */
export class Hearing {
  #worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  #waiting = new Map();
  #next = 0;

  constructor() {
    this.followed = () => {};
    this.ready = new Promise((resolve, reject) => {
      this.#worker.onerror = ({ message }) => this.#break(message ?? "the worker ended", reject);
      this.#worker.onmessage = ({ data }) => this.#take(data, resolve, reject);
    });
  }

  /** Returns the rows of {waveform, durationS}; throws a Problem. */
  hear({ waveform, durationS }, passed) {
    const id = this.#next++;
    this.#worker.postMessage({ kind: "hear", id, waveform, durationS });
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject, passed }));
  }

  /** Hears what comes in at 16 kHz; `followed` is told of each answer. */
  follow(block) {
    this.#worker.postMessage({ kind: "follow", block });
  }

  unfollow() {
    this.#worker.postMessage({ kind: "unfollow" });
  }

  #break(reason, reject) {
    reject(new Error(reason));
    this.#waiting.forEach((waiting) => waiting.reject(new Problem("failed", { reason })));
  }

  #take({ kind, id, ...data }, opened, broken) {
    const waiting = this.#waiting.get(id);
    if (kind === "ready") opened();
    else if (kind === "followed") this.followed(data.answer);
    else if (kind === "passed") waiting.passed(data.share);
    else if (kind === "heard") waiting.resolve(data.rows);
    else if (!waiting) broken(new Error(data.reason));
    else waiting.reject(new Problem("failed", { reason: data.reason }));
  }
}
