/** The model, away from the page and from the audio thread, which may not wait for it. */

import { Decoder } from './decoder.js';
import { CAPACITY, CUTOFF_HZ, DIFFUSE, MADE, Rings, SKIPPED, WRITTEN, distance, put, take } from './rings.js';

const WARM_UP_HOPS = 50;
const REPORT_HOPS = 40;
const KEPT_TIMES = 2000;
const POLL_MS = 3;

let decoder;

globalThis.onmessage = async ({ data }) => {
  try {
    if (data.type === 'open') await open(data);
    else if (data.type === 'start') await work(new Rings(data.memory));
  } catch (error) {
    globalThis.postMessage({ type: 'error', message: error?.message ?? String(error) });
  }
};

async function open({ source, wasm }) {
  decoder = await Decoder.open(source, { wasm });
  // The browser compiles code better once it has run a while; that should not happen during the music.
  const silence = Array.from({ length: decoder.channels }, () => new Float32Array(decoder.hopLength));
  decoder.configure({ cutoffHz: decoder.manifest.cutoff_range_hz[0] });
  for (let i = 0; i < WARM_UP_HOPS; i++) await decoder.processHop(silence);
  decoder.reset();
  const { channels, hopLength, latency, manifest } = decoder;
  globalThis.postMessage({ type: 'ready', channels, hopLength, latency, manifest });
}

/** Extend what comes in, for ever; the page ends the Worker. */
async function work(rings) {
  const { hopLength, graphLatency } = decoder;
  const hop = rings.received.map(() => new Float32Array(hopLength));
  const times = new Times();
  let done = 0;
  for (;;) {
    const written = rings.get(WRITTEN);
    const waiting = distance(written, done);
    if (waiting < hopLength) {
      await changed(rings.control, WRITTEN, written);
      continue;
    }
    if (waiting > CAPACITY / 2) {
      done = catchUp(rings, done, waiting);
      continue;
    }
    rings.received.forEach((ring, channel) => take(ring, done, hop[channel]));
    const began = performance.now();
    decoder.configure({ cutoffHz: rings.settings[CUTOFF_HZ], diffuse: rings.settings[DIFFUSE] });
    const high = await decoder.processHop(hop);
    times.add(performance.now() - began);
    high.forEach((band, channel) => put(rings.high[channel], done - graphLatency, band));
    done = (done + hopLength) | 0;
    rings.set(MADE, (done - graphLatency) | 0);
  }
}

/** Leave out hops that would come too late anyway, before their samples are overwritten. */
function catchUp(rings, done, waiting) {
  const { hopLength, graphLatency } = decoder;
  const skipped = Math.floor(waiting / hopLength - 1) * hopLength;
  const nothing = new Float32Array(Math.min(skipped, CAPACITY));
  const next = (done + skipped) | 0;
  rings.high.forEach((ring) => put(ring, next - graphLatency - nothing.length, nothing));
  rings.count(SKIPPED, skipped / hopLength);
  decoder.reset();
  return next;
}

/** Wait until a place in shared memory changes. */
function changed(control, place, value) {
  if (!Atomics.waitAsync) return new Promise((resolve) => setTimeout(resolve, POLL_MS));
  return Atomics.waitAsync(control, place, value).value;
}

/** Durations of the last hops; reports them now and then. */
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
