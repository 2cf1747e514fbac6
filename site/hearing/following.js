// Sound that is still coming in → an answer several times a second, as ser/inference/streaming.py gives one each hop.

import { joined } from "../sound/resampling.js";
import { SpeechDetector, loudest } from "./detector.js";
import { FRAME } from "./models.js";
import { RATE_HZ, WINDOW_S } from "./settings.js";
import { BEGINS, GOES_ON, MARGIN_FRAMES, SHORTEST_FRAMES } from "./stretches.js";

const WINDOW = WINDOW_S * RATE_HZ;
const WINDOW_FRAMES = Math.floor(WINDOW / FRAME);
const RECENT_FRAMES = Math.floor(RATE_HZ / FRAME); // a second: the command's hop
const HOP = RATE_HZ / 4; // between answers, or as long as one takes

/** The last window of a stream, and the probability of speech in each of its frames. */
export class Follower {
  /** answered: is told of each answer {logs, level}, and by whom; logs are null without speech. */
  constructor(models, answered) {
    this.models = models;
    this.answered = answered;
    this.detector = new SpeechDetector(models);
    this.samples = new Float32Array(0);
    this.speech = [];
    this.waiting = [];
    this.pending = 0;
    this.running = false;
  }

  /** Takes a block at 16 kHz; blocks that come while an answer is made are taken together afterwards. */
  async push(block) {
    this.waiting.push(block);
    if (this.running) return;
    this.running = true;
    while (this.waiting.length) await this.#take(joined(this.waiting.splice(0)));
    this.running = false;
  }

  async #take(block) {
    this.samples = joined([this.samples, block]).slice(-WINDOW);
    this.speech = [...this.speech, ...(await this.detector.push(block))].slice(-WINDOW_FRAMES);
    this.pending += block.length;
    if (this.pending < HOP) return;
    this.pending = 0;
    this.answered({ logs: await this.#answer(), level: loudest(block, 0, block.length)[1] }, this);
  }

  async #answer() {
    const recent = this.speech.slice(-RECENT_FRAMES).filter((probability) => probability >= BEGINS);
    if (recent.length < SHORTEST_FRAMES) return null;
    const silent = this.speech.findIndex((probability) => probability >= GOES_ON);
    const begin = Math.max(0, this.samples.length - (this.speech.length - silent + MARGIN_FRAMES) * FRAME);
    return (await this.models.logProbabilities([this.samples.slice(begin)]))[0];
  }
}
