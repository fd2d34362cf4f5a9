/** A compiled graph from wave to wave, and the memory of its tensors. */

import { Tensor, getGlobalLiteRt, loadAndCompile } from '@litertjs/core';
import { CONTROLS, loadModel, ModelError, tensorIndices, tensorShapes } from './model.js';
import { loadRuntime } from './runtime.js';

/**
 * `CompiledModel.run` describes and checks all tensors in every run, which takes a third of a hop's time. Here names
 * and shapes are checked once, the inputs keep their memory, and the call beneath it (`liteRtCompiledModel`, which
 * LiteRT.js types as private; package.json names the one version) takes and gives plain buffers.
 */
export class Graph {
  #compiled;
  #buffers = [];
  #given = {};
  /** Pairs of places: a state among the inputs, and what it is next among the outputs. */
  #memory;
  #high;
  #dropped;

  static async open(source, wasm) {
    const model = await loadModel(source);
    await loadRuntime(wasm);
    let compiled;
    try {
      compiled = await loadAndCompile(model.flatbuffer, { accelerator: 'wasm' });
    } catch (error) {
      throw new ModelError(`${model.name}: the interpreter refuses it: ${error?.message ?? error}`);
    }
    try {
      return new Graph(model, compiled);
    } catch (error) {
      compiled.delete();
      throw error;
    }
  }

  /** Use `Graph.open`. */
  constructor({ name, manifest }, compiled) {
    const shapes = tensorShapes(manifest);
    const inputs = tensorIndices(name, 'input', compiled.getInputDetails(), shapes.inputs);
    const outputs = tensorIndices(name, 'output', compiled.getOutputDetails(), shapes.outputs);
    const states = Object.keys(manifest.states);
    this.manifest = manifest;
    this.#compiled = compiled;
    this.#memory = states.map((state) => [inputs[state], outputs[`next_${state}`]]);
    this.#high = outputs.high_band;
    this.#dropped = [outputs.high_band, outputs.extended, outputs.limited];
    for (const [tensor, index] of Object.entries(inputs)) {
      const shape = shapes.inputs[tensor];
      this.#buffers[index] = new Tensor(new Float32Array(count(shape)), shape).liteRtTensorBuffer;
    }
    for (const tensor of ['hop', ...CONTROLS]) this.#given[tensor] = this.#buffers[inputs[tensor]];
  }

  /** Set all states to zero, as they are at the start. */
  clear() {
    for (const [index] of this.#memory) locked(this.#buffers[index], 'WRITE', (values) => values.fill(0));
  }

  /** Set an input of one number. */
  control(name, value) {
    locked(this.#given[name], 'WRITE', (values) => values.fill(value));
  }

  /** Let `fill` write the hop, all channels one after the other. */
  hop(fill) {
    locked(this.#given.hop, 'WRITE', fill);
  }

  /** Run once; the next states become the states. Let `take` read the high band, and return what it does. */
  async run(take) {
    const made = await this.#compiled.liteRtCompiledModel.run(0, this.#buffers);
    const taken = locked(made[this.#high], 'READ', take);
    for (const index of this.#dropped) made[index].delete();
    for (const [before, next] of this.#memory) {
      this.#buffers[before].delete();
      this.#buffers[before] = made[next];
    }
    return taken;
  }

  /** Free what the interpreter holds. */
  close() {
    for (const buffer of this.#buffers) buffer.delete();
    this.#buffers = [];
    this.#compiled.delete();
  }
}

/** Let `use` have a buffer's numbers. The memory may move when it grows, so a view is good for one use. */
function locked(buffer, mode, use) {
  const wasm = getGlobalLiteRt().liteRtWasm;
  const place = buffer.lock(wasm.LiteRtTensorBufferLockMode[mode]);
  try {
    return use(new Float32Array(wasm.HEAPU8.buffer, place, buffer.packedSize() / Float32Array.BYTES_PER_ELEMENT));
  } finally {
    buffer.unlock();
  }
}

function count(shape) {
  return shape.reduce((product, size) => product * size, 1);
}
