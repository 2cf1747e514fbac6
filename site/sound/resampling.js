// Resampling in blocks: the windowed sinc filter of ser/inference/resampling.py, which equals torchaudio's.

const ZERO_CROSSINGS = 6;
const ROLLOFF = 0.99; // of torchaudio.transforms.Resample

/** Resamples a waveform that comes in blocks; all outputs together are those of the whole. */
export class Resampler {
  constructor(fromHz, toHz) {
    const divisor = greatestCommonDivisor(fromHz, toHz);
    this.from = fromHz / divisor;
    this.to = toHz / divisor;
    this.reach = Math.ceil((ZERO_CROSSINGS * this.from) / (Math.min(this.from, this.to) * ROLLOFF));
    this.width = 2 * this.reach + 2; // inputs of an output
    this.filters = this.from === this.to ? null : filters(this.from, this.to, this.reach, this.width);
    this.received = 0;
    this.next = 0; // output
    this.begins = -this.reach; // of the buffer, in inputs
    this.buffer = new Float32Array(this.reach);
  }

  /** Takes a Float32Array and returns the outputs that no later input can change. */
  push(block) {
    if (!this.filters) return block;
    this.received += block.length;
    this.buffer = joined([this.buffer, block]);
    // The first output that needs an input which has not come
    const missing = this.begins + this.buffer.length - this.width + this.reach + 1;
    return this.#run(Math.max(this.next, Math.ceil((missing * this.to) / this.from)));
  }

  /** Returns the remaining outputs, as if zeros followed. */
  finish() {
    if (!this.filters) return new Float32Array(0);
    this.buffer = joined([this.buffer, new Float32Array(this.width)]);
    return this.#run(Math.ceil((this.received * this.to) / this.from));
  }

  #run(until) {
    const { from, to, reach, width, filters, buffer, begins } = this;
    const outputs = new Float32Array(until - this.next);
    for (let index = 0; index < outputs.length; index++) {
      const output = this.next + index;
      const begin = Math.floor((output * from) / to) - reach - begins;
      const weights = (output % to) * width;
      let sum = 0;
      for (let tap = 0; tap < width; tap++) sum += buffer[begin + tap] * filters[weights + tap];
      outputs[index] = sum;
    }
    this.next = until;
    const done = Math.max(0, Math.floor((until * from) / to) - reach - begins);
    this.buffer = buffer.slice(done);
    this.begins += done;
    return outputs;
  }
}

/** Joins Float32Arrays. */
export function joined(blocks) {
  const whole = new Float32Array(blocks.reduce((samples, block) => samples + block.length, 0));
  let place = 0;
  for (const block of blocks) {
    whole.set(block, place);
    place += block.length;
  }
  return whole;
}

/** The weights of the inputs around each output, until they repeat: (to, width), in one array. */
function filters(from, to, reach, width) {
  const cutoff = Math.min(from, to) * ROLLOFF;
  const weights = new Float32Array(to * width);
  for (let phase = 0; phase < to; phase++) {
    // torchaudio rounds the phase, and only the phase, to float32
    const rounded = Math.fround(phase / to);
    const first = Math.floor((phase * from) / to) - reach;
    for (let tap = 0; tap < width; tap++) {
      const crossings = ((first + tap) / from - rounded) * cutoff;
      const clipped = Math.min(ZERO_CROSSINGS, Math.max(-ZERO_CROSSINGS, crossings));
      const window = Math.cos((clipped * Math.PI) / ZERO_CROSSINGS / 2) ** 2;
      weights[phase * width + tap] = (sinc(clipped) * window * cutoff) / from;
    }
  }
  return weights;
}

function sinc(x) {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function greatestCommonDivisor(a, b) {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
