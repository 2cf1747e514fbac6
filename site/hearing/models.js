// The two ONNX files and what runs them, in a worker.

import * as ort from "../vendor/onnxruntime.js";

const at = (name) => new URL(`../${name}`, import.meta.url).href;
ort.env.wasm.numThreads = 1; // more need headers that a static host may not send
ort.env.wasm.wasmPaths = { mjs: at("vendor/onnxruntime-wasm.js"), wasm: at("vendor/onnxruntime.wasm") };

export const FRAME = 512; // samples, 32 ms
export const CONTEXT = 64; // samples before a frame that the detector hears with it
const TOGETHER = 2; // windows of one length: the runtime takes a third of the time a window
const WARM_SAMPLES = 48_000;

/** Opens both files and runs them once, so that the first answer is not late. */
export async function openModels() {
  const [model, detector] = await Promise.all([open("model/model.onnx"), open("model/speech.onnx")]);
  const models = new Models(model, detector);
  await models.logProbabilities([new Float32Array(WARM_SAMPLES), new Float32Array(WARM_SAMPLES)]);
  return models;
}

class Models {
  constructor(model, detector) {
    this.model = model;
    this.detector = detector;
  }

  /** Returns the log-probabilities of each waveform; those of one length that follow each other share a call. */
  async logProbabilities(waveforms, passed = () => {}) {
    const found = [];
    while (found.length < waveforms.length) {
      const batch = [waveforms[found.length]];
      while (batch.length < TOGETHER && waveforms[found.length + batch.length]?.length === batch[0].length) {
        batch.push(waveforms[found.length + batch.length]);
      }
      found.push(...(await this.#answer(batch)));
      passed(found.length / waveforms.length);
    }
    return found;
  }

  async #answer(batch) {
    const length = batch[0].length;
    const samples = new Float32Array(batch.length * length);
    batch.forEach((waveform, index) => samples.set(waveform, index * length));
    const lengths = BigInt64Array.from(batch, () => BigInt(length));
    const { log_probabilities: logs } = await this.model.run(
      {
        waveform: new ort.Tensor("float32", samples, [batch.length, length]),
        lengths: new ort.Tensor("int64", lengths, [batch.length]),
      },
      ["log_probabilities"],
    );
    const emotions = logs.dims[1];
    if (!logs.data.every(Number.isFinite)) throw new Error("the model gives no probabilities");
    return batch.map((_, index) => Array.from(logs.data.subarray(index * emotions, (index + 1) * emotions)));
  }

  /** Returns the probability of speech in each frame, and the state for what follows. joined: CONTEXT + frames. */
  async speech(joined, state) {
    const frames = (joined.length - CONTEXT) / FRAME;
    const width = CONTEXT + FRAME;
    const cut = new Float32Array(frames * width);
    for (let frame = 0; frame < frames; frame++) {
      cut.set(joined.subarray(frame * FRAME, frame * FRAME + width), frame * width);
    }
    const { probabilities, next_state: next } = await this.detector.run({
      frames: new ort.Tensor("float32", cut, [frames, width]),
      state: state ?? new ort.Tensor("float32", new Float32Array(2 * 128), [2, 1, 128]),
    });
    return [probabilities.data, next];
  }
}

async function open(name) {
  const answer = await fetch(at(name));
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()));
}
