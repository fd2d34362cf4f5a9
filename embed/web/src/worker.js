/** The model, away from the page and from the audio thread, which may not wait for it. */

import { Decoder } from './decoder.js';
import { Follower } from './follower.js';
import { Rings, WRITTEN } from './rings.js';

const REPORT_HOPS = 40;
const KEPT_TIMES = 2000;
const POLL_MS = 3;

let decoder;

globalThis.onmessage = async ({ data }) => {
  try {
    if (data.type === 'open') await open(data);
    else if (data.type === 'start') await work(new Rings(data.memory), data.latency);
  } catch (error) {
    globalThis.postMessage({ type: 'error', message: error?.message ?? String(error) });
  }
};

async function open({ source, wasm }) {
  decoder = await Decoder.open(source, { wasm });
  await decoder.warmUp();
  const { channels, hopLength, latency, manifest } = decoder;
  globalThis.postMessage({ type: 'ready', channels, hopLength, latency, manifest });
}

/** Extend what comes in, for ever; the page ends the Worker. */
async function work(rings, latency) {
  const follower = new Follower(rings, decoder, latency);
  const times = new Times();
  for (;;) {
    const written = rings.get(WRITTEN);
    const took = await follower.step(written);
    if (took === null) await changed(rings.control, WRITTEN, written);
    else times.add(took);
  }
}

/** Wait until a place in shared memory changes. */
function changed(control, place, value) {
  if (!Atomics.waitAsync) return new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return Atomics.waitAsync(control, place, value).value;
}

/** Durations of the last hops, of the decoder alone; reports them now and then. */
class Times {
  #last = new Float32Array(KEPT_TIMES);
  #hops = 0;

  add(ms) {
    this.#last[this.#hops++ % KEPT_TIMES] = ms;
    if (this.#hops % REPORT_HOPS === 0) this.#report();
  }

  #report() {
    const sorted = this.#last.slice(0, Math.min(this.#hops, KEPT_TIMES)).sort();
    const at = (part) => sorted[Math.floor(part * (sorted.length - 1))];
    globalThis.postMessage({ type: 'times', hops: this.#hops, medianMs: at(0.5), p99Ms: at(0.99) });
  }
}
