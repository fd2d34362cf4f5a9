/** The Worker's side of the rings: it follows what is received, and puts the high band where it belongs. */

import { CAPACITY, CUTOFF_HZ, DIFFUSE, MADE, SKIPPED, distance, put, take } from './rings.js';

/** Further behind than this, hops are left out, before their samples are overwritten. */
export const MOST_WAITING = CAPACITY / 2;

export class Follower {
  #rings;
  #decoder;
  #kept;
  #hop;
  #done = 0;

  /**
   * @param {Rings} rings
   * @param {Decoder} decoder
   * @param {number} latency samples by which the audio thread plays later
   */
  constructor(rings, decoder, latency) {
    this.#rings = rings;
    this.#decoder = decoder;
    // What plays next is whole if all frames that reach into it are made of received samples.
    this.#kept = latency + decoder.graphLatency;
    this.#hop = rings.received.map(() => new Float32Array(decoder.hopLength));
  }

  /**
   * Process one hop of the samples up to number `written`.
   *
   * @returns {Promise<number|null>} milliseconds that the decoder took; null if no whole hop waits
   */
  async step(written) {
    const rings = this.#rings;
    const { hopLength, graphLatency } = this.#decoder;
    if (distance(written, this.#done) > MOST_WAITING) await this.#skip(written);
    if (distance(written, this.#done) < hopLength) return null;
    rings.received.forEach((ring, channel) => take(ring, this.#done, this.#hop[channel]));
    const began = performance.now();
    this.#decoder.configure({ cutoffHz: rings.settings[CUTOFF_HZ], diffuse: rings.settings[DIFFUSE] });
    const high = await this.#decoder.processHop(this.#hop);
    const took = performance.now() - began;
    high.forEach((band, channel) => put(rings.high[channel], this.#done - graphLatency, band));
    this.#done = (this.#done + hopLength) | 0;
    rings.set(MADE, (this.#done - graphLatency) | 0);
    return took;
  }

  /** Leave out the hops whose high band would come too late, and say so to the decoder. */
  async #skip(written) {
    const { hopLength } = this.#decoder;
    const hops = Math.floor((distance(written, this.#done) - this.#kept) / hopLength);
    await this.#decoder.skip(hops);
    this.#done = (this.#done + hops * hopLength) | 0;
    this.#rings.count(SKIPPED, hops);
  }
}
