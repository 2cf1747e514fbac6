// Probabilities of speech → stretches of speech, as ser/inference/speech.py finds them.

import { FRAME } from "./models.js";

export const [BEGINS, GOES_ON] = [0.5, 0.35]; // probabilities, Silero's own defaults
const PAUSE_FRAMES = 16; // half a second without speech ends a stretch
export const SHORTEST_FRAMES = 8; // a quarter of a second
const LONGEST_FRAMES = 938; // 30 s: a longer stretch is cut at its most silent frame after 20 s
export const MARGIN_FRAMES = 6; // 0.2 s around a stretch, for soft beginnings and ends

/** Returns the stretches [begin, end] in samples. */
export function findStretches(probabilities, samples) {
  const finder = new Finder();
  probabilities.forEach((probability, frame) => finder.push(probability, frame, probabilities));
  finder.finish();
  return finder.found
    .filter(({ begin, end }) => end - begin >= SHORTEST_FRAMES)
    .map(({ first, last }) => [first * FRAME, Math.min(last * FRAME, samples)]);
}

class Finder {
  found = [];
  free = 0; // the first frame that no stretch has
  begin = null;
  last = 0; // after the last frame with speech

  push(probability, frame, probabilities) {
    const next = frame + 1;
    if (probability >= (this.begin === null ? BEGINS : GOES_ON)) {
      this.begin ??= frame;
      this.last = next;
    }
    if (this.begin === null) return;
    if (next - this.last >= PAUSE_FRAMES) this.finish();
    else if (next - this.begin >= LONGEST_FRAMES) this.#split(next, probabilities);
  }

  finish() {
    if (this.begin === null) return;
    this.#tell(this.begin, this.last, this.last + MARGIN_FRAMES);
    this.begin = null;
  }

  #split(next, probabilities) {
    let quietest = next - Math.floor(LONGEST_FRAMES / 3);
    for (let frame = quietest; frame < next; frame++) {
      if (probabilities[frame] < probabilities[quietest]) quietest = frame;
    }
    const begin = this.begin;
    this.begin = Math.min(quietest + 1, this.last);
    this.#tell(begin, this.begin, this.begin);
  }

  #tell(begin, end, last) {
    this.found.push({ begin, end, first: Math.max(this.free, begin - MARGIN_FRAMES), last });
    this.free = last;
  }
}
