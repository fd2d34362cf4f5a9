/** Records two inputs, mono, side by side. */
class Recorder extends AudioWorkletProcessor {
  #blocks = [[], []];

  constructor() {
    super();
    this.port.onmessage = () => this.port.postMessage(this.#blocks.map((blocks) => Float32Array.from(blocks.flat())));
  }

  process(inputs) {
    inputs.forEach((input, i) => this.#blocks[i].push(input[0] ? Array.from(input[0]) : Array(128).fill(0)));
    return true;
  }
}

registerProcessor('recorder', Recorder);
