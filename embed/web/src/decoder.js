/**
 * The receiver: hops of band-limited music in, hops of high band out.
 *
 * Output = received signal, delayed, plus the synthesised band. The received samples are never transformed.
 */

import { Tensor, loadAndCompile } from '@litertjs/core';
import { loadModel, ModelError, tensorIndices, tensorShapes } from './model.js';
import { SAMPLE_RATE } from './rate.js';
import { loadRuntime } from './runtime.js';

/** Runs a model from wave to wave, hop by hop. */
export class Decoder {
  #compiled;
  #tensors = {};
  #indices;
  #busy = false;
  #settings = { cutoff_hz: 0, diffuse: 1, lost: 0 };

  /**
   * @param {string|URL|ArrayBuffer|Uint8Array} source model file
   * @param {{wasm: string|URL}} options where the folder `wasm` of @litertjs/core is served
   */
  static async open(source, { wasm } = {}) {
    const model = await loadModel(source);
    await loadRuntime(wasm);
    let compiled;
    try {
      compiled = await loadAndCompile(model.flatbuffer, { accelerator: 'wasm' });
    } catch (error) {
      throw new ModelError(`${model.name}: the interpreter refuses it: ${error?.message ?? error}`);
    }
    try {
      return new Decoder(model, compiled);
    } catch (error) {
      compiled.delete();
      throw error;
    }
  }

  /** Use `Decoder.open`. */
  constructor(model, compiled) {
    const { graph } = model.manifest;
    const shapes = tensorShapes(model.manifest);
    this.manifest = model.manifest;
    this.channels = graph.channels;
    this.hopLength = graph.hop_length;
    /** Samples by which a hop's high band comes later than the hop. */
    this.graphLatency = graph.latency_samples;
    /** The same with the hop that is collected first: latency of a stream. */
    this.latency = graph.latency_samples + graph.hop_length;
    this.#compiled = compiled;
    this.#indices = {
      inputs: tensorIndices(model.name, 'input', compiled.getInputDetails(), shapes.inputs),
      outputs: tensorIndices(model.name, 'output', compiled.getOutputDetails(), shapes.outputs),
    };
    this.reset();
  }

  /** Forget the past. */
  reset() {
    for (const [name, shape] of Object.entries(this.manifest.states)) {
      this.#set(name, new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
    }
    for (const [name, value] of Object.entries(this.#settings)) this.#set(name, Float32Array.of(value), [1]);
  }

  /** Where the received band ends in Hz (0 adds nothing), and the weight of the diffuse term, 0 to 1. */
  configure({ cutoffHz = this.#settings.cutoff_hz, diffuse = this.#settings.diffuse }) {
    const limit = SAMPLE_RATE / 2;
    if (!(cutoffHz >= 0 && cutoffHz < limit)) throw new Error(`cutoffHz: expected 0 to ${limit}, received ${cutoffHz}`);
    if (!(diffuse >= 0 && diffuse <= 1)) throw new Error(`diffuse: expected 0 to 1, received ${diffuse}`);
    this.#control('cutoff_hz', cutoffHz);
    this.#control('diffuse', diffuse);
  }

  /**
   * Take in a hop and return its high band, `graphLatency` samples late.
   *
   * @param {Float32Array[]|null} hop a Float32Array of `hopLength` samples for each channel; null if it was lost
   * @returns {Promise<Float32Array[]>}
   */
  async processHop(hop) {
    if (this.#busy) throw new Error('processHop: the last hop is not done; await it');
    const samples = hop === null ? new Float32Array(this.channels * this.hopLength) : this.#joined(hop);
    this.#busy = true;
    try {
      this.#control('lost', hop === null ? this.#settings.lost + this.hopLength : 0);
      this.#set('hop', samples, [this.channels, this.hopLength]);
      return await this.#run();
    } finally {
      this.#busy = false;
    }
  }

  /**
   * Extend a whole signal; the output has its length, latency taken out.
   *
   * @param {Float32Array[]} channels
   * @param {{cutoffHz: number, diffuse?: number, onProgress?: (part: number) => void}} options
   * @returns {Promise<Float32Array[]>}
   */
  async extend(channels, { cutoffHz, diffuse = 1, onProgress } = {}) {
    if (!(cutoffHz > 0)) throw new Error(`cutoffHz: expected a number above 0, received ${cutoffHz}`);
    this.#checkChannels(channels);
    const { length } = channels[0];
    channels.forEach((samples) => checkSamples(samples, length));
    this.configure({ cutoffHz, diffuse });
    this.reset();
    const out = channels.map((samples) => samples.slice());
    for (let at = 0; length && at < length + this.graphLatency; at += this.hopLength) {
      const high = await this.processHop(channels.map((samples) => padded(samples, at, this.hopLength)));
      high.forEach((band, channel) => addAt(out[channel], band, at - this.graphLatency));
      onProgress?.(Math.min(1, at / length));
    }
    this.reset();
    return out;
  }

  /** Free what the interpreter holds. */
  close() {
    for (const tensor of Object.values(this.#tensors)) tensor.delete();
    this.#tensors = {};
    this.#compiled.delete();
  }

  async #run() {
    const { inputs, outputs } = this.#indices;
    const given = [];
    for (const [name, index] of Object.entries(inputs)) given[index] = this.#tensors[name];
    const made = await this.#compiled.run(given);
    const high = made[outputs.high_band].toTypedArray();
    const bands = Array.from({ length: this.channels }, (_, channel) =>
      high.slice(channel * this.hopLength, (channel + 1) * this.hopLength),
    );
    made[outputs.high_band].delete();
    made[outputs.extended].delete();
    made[outputs.limited].delete();
    // A next state becomes the state without a copy.
    for (const name of Object.keys(this.manifest.states)) this.#replace(name, made[outputs[`next_${name}`]]);
    return bands;
  }

  #control(name, value) {
    if (this.#settings[name] === value) return;
    this.#settings[name] = value;
    this.#set(name, Float32Array.of(value), [1]);
  }

  #set(name, values, shape) {
    this.#replace(name, new Tensor(values, shape));
  }

  #replace(name, tensor) {
    this.#tensors[name]?.delete();
    this.#tensors[name] = tensor;
  }

  #joined(hop) {
    this.#checkChannels(hop);
    const samples = new Float32Array(this.channels * this.hopLength);
    hop.forEach((one, channel) => {
      checkSamples(one, this.hopLength);
      samples.set(one, channel * this.hopLength);
    });
    return samples;
  }

  #checkChannels(channels) {
    if (!Array.isArray(channels) || channels.length !== this.channels) {
      const received = Array.isArray(channels) ? channels.length : typeof channels;
      throw new Error(`channels: expected ${this.channels}, for which this model was made, received ${received}`);
    }
  }
}

function checkSamples(samples, length) {
  if (!(samples instanceof Float32Array)) throw new Error('samples: expected a Float32Array for each channel');
  if (samples.length !== length) throw new Error(`samples: expected ${length}, received ${samples.length}`);
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(samples[i])) throw new Error('samples: expected finite ones, received NaN or infinite ones');
  }
}

/** A stretch of a signal, with zeros behind its end. */
function padded(samples, from, count) {
  const part = new Float32Array(count);
  part.set(samples.subarray(from, from + count));
  return part;
}

function addAt(out, band, at) {
  const stop = Math.min(band.length, out.length - at);
  for (let i = Math.max(0, -at); i < stop; i++) out[at + i] += band[i];
}
