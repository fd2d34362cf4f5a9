/**
 * The receiver: hops of band-limited music in, hops of high band out.
 *
 * Output = received signal, delayed, plus the synthesised band. The received samples are never transformed.
 */

import { Graph } from './graph.js';
import { SAMPLE_RATE } from './rate.js';

const WARM_UP_HOPS = 50;

/** Runs a model from wave to wave, hop by hop. */
export class Decoder {
  #graph;
  #busy = false;
  #settings = {};

  /**
   * @param {string|URL|ArrayBuffer|Uint8Array} source model file
   * @param {{wasm: string|URL}} options where the folder `wasm` of @litertjs/core is served
   */
  static async open(source, { wasm } = {}) {
    return new Decoder(await Graph.open(source, wasm));
  }

  /** Use `Decoder.open`. */
  constructor(graph) {
    const about = graph.manifest.graph;
    this.manifest = graph.manifest;
    this.channels = about.channels;
    this.hopLength = about.hop_length;
    /** Samples by which a hop's high band comes later than the hop. */
    this.graphLatency = about.latency_samples;
    /** The same with the hop that is collected first: latency of a stream. */
    this.latency = about.latency_samples + about.hop_length;
    this.#graph = graph;
    this.configure({ cutoffHz: about.default_cutoff_hz, diffuse: 1 });
    this.reset();
  }

  /** Run on silence for a while: browsers compile code better once it has run, and better not during the music. */
  async warmUp() {
    const silence = Array.from({ length: this.channels }, () => new Float32Array(this.hopLength));
    for (let i = 0; i < WARM_UP_HOPS; i++) await this.processHop(silence);
    this.reset();
  }

  /** Forget the past. */
  reset() {
    this.#graph.clear();
    this.#control('lost', 0);
  }

  /**
   * Where the received band ends in Hz (0 adds nothing; at first the model's default), and the weight of the
   * diffuse term, 0 to 1.
   */
  configure({ cutoffHz = this.#settings.cutoff_hz, diffuse = this.#settings.diffuse }) {
    const limit = SAMPLE_RATE / 2;
    if (!(cutoffHz >= 0 && cutoffHz <= limit)) throw new Error(`cutoffHz: expected 0 to ${limit}, received ${cutoffHz}`);
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
    if (hop !== null) this.#checkHop(hop);
    return this.#run(hop, hop === null ? this.#settings.lost + this.hopLength : 0);
  }

  /**
   * Leave out hops, in the time of one: for the graph they were lost.
   *
   * @param {number} hops
   */
  async skip(hops) {
    if (!(Number.isInteger(hops) && hops > 0)) throw new Error(`hops: expected a number above 0, received ${hops}`);
    await this.#run(null, this.#settings.lost + hops * this.hopLength);
  }

  /**
   * Extend a whole signal; the output has its length, latency taken out.
   *
   * @param {Float32Array[]} channels
   * @param {{cutoffHz?: number, diffuse?: number, onProgress?: (part: number) => void}} options without a cutoff
   * the model's default
   * @returns {Promise<Float32Array[]>}
   */
  async extend(channels, { cutoffHz = this.manifest.graph.default_cutoff_hz, diffuse = 1, onProgress } = {}) {
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
    this.#graph.close();
  }

  async #run(hop, lost) {
    if (this.#busy) throw new Error('processHop: the last hop is not done; await it');
    this.#busy = true;
    try {
      this.#control('lost', lost);
      this.#graph.hop((samples) => {
        if (hop === null) samples.fill(0);
        else hop.forEach((one, channel) => samples.set(one, channel * this.hopLength));
      });
      return await this.#graph.run((high) => Array.from({ length: this.channels }, (_, channel) =>
        high.slice(channel * this.hopLength, (channel + 1) * this.hopLength)));
    } finally {
      this.#busy = false;
    }
  }

  #control(name, value) {
    if (this.#settings[name] === value) return;
    this.#graph.control(name, value);
    this.#settings[name] = value;
  }

  #checkHop(hop) {
    this.#checkChannels(hop);
    for (const one of hop) checkSamples(one, this.hopLength);
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
