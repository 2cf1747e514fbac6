// Passes the microphone's sound on in blocks, the mean of its channels; any message asks for what is left.

const BLOCK = 2048;

class Microphone extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(BLOCK);
    this.filled = 0;
    this.port.onmessage = () => {
      this.#pass();
      this.port.postMessage(null);
    };
  }

  process([channels]) {
    for (let index = 0; index < (channels[0]?.length ?? 0); index++) {
      this.block[this.filled++] = channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length;
      if (this.filled === BLOCK) this.#pass();
    }
    return true;
  }

  #pass() {
    this.port.postMessage(this.block.slice(0, this.filled));
    this.filled = 0;
  }
}

registerProcessor("microphone", Microphone);
