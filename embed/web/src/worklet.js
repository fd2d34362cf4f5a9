/** The audio thread: hands samples to the Worker, delays them, and adds the high band that comes back. */

import { EXTENDED, MADE, NOT_FINITE, Rings, UNDERRUNS, WRITTEN, distance, put, take } from './rings.js';

/** Switching takes 10 ms, so that it does not click. */
const FADE_STEP = 1 / (0.01 * sampleRate);

class Extend extends AudioWorkletProcessor {
  #rings;
  #delay;
  #written = 0;
  #begun = false;
  #gain = 0;
  #block;
  #received;
  #band;

  constructor({ processorOptions: { memory, delay } }) {
    super();
    this.#rings = new Rings(memory);
    this.#delay = delay;
  }

  process([input], [output]) {
    const count = output[0].length;
    if (this.#block?.length !== count) {
      [this.#block, this.#received, this.#band] = [0, 0, 0].map(() => new Float32Array(count));
    }
    this.#take(input, count);
    this.#give(output, distance(this.#written, this.#delay), count);
    this.#written = (this.#written + count) | 0;
    return true;
  }

  /** Put a block into the ring and wake the Worker. A channel that is not there is silent. */
  #take(input, count) {
    const rings = this.#rings;
    let bad = 0;
    for (let channel = 0; channel < rings.channels; channel++) {
      const samples = input[channel];
      for (let i = 0; i < count; i++) {
        const value = samples ? samples[i] : 0;
        const finite = Number.isFinite(value);
        this.#block[i] = finite ? value : 0;
        if (!finite) bad++;
      }
      put(rings.received[channel], this.#written, this.#block);
    }
    if (bad) rings.count(NOT_FINITE, bad);
    rings.set(WRITTEN, (this.#written + count) | 0);
    Atomics.notify(rings.control, WRITTEN);
  }

  /** Fill the output with the samples from number `from` on. */
  #give(output, from, count) {
    const rings = this.#rings;
    this.#begun ||= from >= 0;
    if (!this.#begun) return;
    const there = distance(rings.get(MADE), from) >= count;
    if (!there) {
      rings.count(UNDERRUNS);
      this.#gain = 0; // the received samples go on; the band fades in again when there is one
    }
    const goal = there && rings.settings[EXTENDED] ? 1 : 0;
    const start = this.#gain;
    for (let channel = 0; channel < rings.channels; channel++) {
      take(rings.received[channel], from, this.#received);
      take(rings.high[channel], from, this.#band);
      this.#gain = start;
      for (let i = 0; i < count; i++) {
        this.#gain += Math.max(-FADE_STEP, Math.min(FADE_STEP, goal - this.#gain));
        output[channel][i] = this.#received[i] + this.#gain * this.#band[i];
      }
    }
  }
}

registerProcessor('tfbwe-extend', Extend);
