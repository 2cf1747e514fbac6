// The probability of speech in each frame, as ser/inference/detector.py asks for it.

import { joined } from "../sound/resampling.js";
import { CONTEXT, FRAME } from "./models.js";
import { RATE_HZ } from "./settings.js";

// A clip that is given alone is likely to be speech
const MAYBE = 0.2;
// The detector misses quiet voices, so it hears them louder, up to a peak; the model does not
const [PEAK, MOST_GAIN, FADING] = [0.5, 10, 0.99];
const [BEFORE, AFTER] = [(3 * RATE_HZ) / 10, RATE_HZ / 2]; // samples around a clip's loudest one
const FRAMES_A_CALL = 256;

/** Takes blocks of one recording at 16 kHz. */
export class SpeechDetector {
  /** peak: of the recording, where it is known; else the level is followed as it comes. */
  constructor(models, peak = 0) {
    this.models = models;
    this.peak = Math.max(peak, 1e-9);
    this.rest = new Float32Array(0);
    this.context = new Float32Array(CONTEXT);
    this.state = null;
  }

  /** Takes (time,) and returns (frames,), one for each whole frame since the last call. */
  async push(block) {
    const samples = joined([this.rest, block]);
    const whole = Math.floor(samples.length / FRAME) * FRAME;
    this.rest = samples.slice(whole);
    const found = [];
    for (let place = 0; place < whole; place += FRAMES_A_CALL * FRAME) {
      const louder = this.#amplified(samples.subarray(place, Math.min(whole, place + FRAMES_A_CALL * FRAME)));
      const heard = joined([this.context, louder]);
      this.context = heard.slice(-CONTEXT);
      const [probabilities, state] = await this.models.speech(heard, this.state);
      this.state = state;
      found.push(probabilities);
    }
    return joined(found);
  }

  /** Returns the last frame, filled up with zeros, if there is one. */
  finish() {
    return this.push(new Float32Array((FRAME - (this.rest.length % FRAME)) % FRAME));
  }

  /** Raises each frame by its peak or those before, whichever is higher. */
  #amplified(samples) {
    const louder = new Float32Array(samples.length);
    for (let begin = 0; begin < samples.length; begin += FRAME) {
      this.peak = Math.max(this.peak * FADING, loudest(samples, begin, begin + FRAME)[1], 1e-9);
      const gain = Math.fround(Math.min(MOST_GAIN, Math.max(1, PEAK / this.peak)));
      for (let place = begin; place < begin + FRAME; place++) louder[place] = samples[place] * gain;
    }
    return louder;
  }
}

/** Whether a clip may be speech at all. What is around its loudest sample is looked at first. */
export async function holdsSpeech(models, waveform) {
  const [place, peak] = loudest(waveform, 0, waveform.length);
  const around = waveform.subarray(Math.max(0, place - BEFORE), place + AFTER);
  for (const part of [around, waveform]) {
    const detector = new SpeechDetector(models, peak);
    const found = [...(await detector.push(part)), ...(await detector.finish())];
    if (found.some((probability) => probability >= MAYBE)) return true;
  }
  return false;
}

/** Returns where the loudest sample between two places is, and its level. */
export function loudest(samples, begin, end) {
  let [place, peak] = [begin, 0];
  for (let index = begin; index < end; index++) {
    const level = Math.abs(samples[index]);
    if (level > peak) [place, peak] = [index, level];
  }
  return [place, peak];
}
