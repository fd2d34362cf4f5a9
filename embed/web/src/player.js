/** An audio node that extends what is played through it. */

import { CUTOFF_HZ, DIFFUSE, EXTENDED, NOT_FINITE, Rings, SKIPPED, UNDERRUNS } from './rings.js';
import { SAMPLE_RATE } from './rate.js';

const WATCH_MS = 250;

/** Extends the sound of an AudioContext, the model in a Worker. */
export class Player {
  #worker;
  #rings;
  #watch;
  #times = { hops: 0, medianMs: 0, p99Ms: 0 };

  /**
   * Load a model and make its node: `source.connect(player.node); player.node.connect(context.destination)`.
   *
   * @param {object} options
   * @param {AudioContext} options.context made for 44100 Hz
   * @param {string|URL|ArrayBuffer|Uint8Array} options.model model file, or its address
   * @param {string|URL} options.wasm where the folder `wasm` of @litertjs/core is served
   * @param {number} [options.channels] error if the model is made for another number
   * @param {number} [options.cutoffHz] where the received band ends, else the model's default; 0 adds nothing
   * @param {number} [options.diffuse] weight of the diffuse term, 0 to 1
   * @param {number} [options.headroom] samples by which the Worker may be late, beyond the model's latency; 0 to 8192
   * @param {(error: Error) => void} [options.onError] what goes wrong after the start
   * @returns {Promise<Player>}
   */
  static async create(options) {
    const { context, model, wasm, channels } = options;
    checkPlace(context);
    const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    try {
      const source = typeof model === 'string' || model instanceof URL ? String(new URL(model, document.baseURI)) : model;
      const opened = answer(worker);
      worker.postMessage({ type: 'open', source, wasm: String(new URL(wasm, document.baseURI)) });
      const about = await opened;
      if (channels !== undefined && channels !== about.channels) {
        throw new Error(`channels: expected ${about.channels}, for which this model was made, received ${channels}`);
      }
      await context.audioWorklet.addModule(new URL('./worklet.js', import.meta.url));
      return new Player(worker, about, options);
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** Use `Player.create`. */
  constructor(worker, about, options) {
    const { default_cutoff_hz: defaultHz } = about.manifest.graph;
    const { context, cutoffHz = defaultHz, diffuse = 1, headroom = 4096, onError = console.error } = options;
    if (!(Number.isInteger(headroom) && headroom >= 0 && headroom <= 8192)) {
      throw new Error(`headroom: expected a whole number from 0 to 8192, received ${headroom}`);
    }
    const memory = Rings.allocate(about.channels);
    this.#worker = worker;
    this.#rings = new Rings(memory);
    this.manifest = about.manifest;
    this.channels = about.channels;
    /** Samples by which the sound comes out later, received or extended. */
    this.latency = about.latency + headroom;
    this.hopMs = (1000 * about.hopLength) / SAMPLE_RATE;
    this.extended = true;
    this.cutoffHz = cutoffHz;
    this.diffuse = diffuse;
    this.node = new AudioWorkletNode(context, 'tfbwe-extend', {
      channelCount: about.channels,
      channelCountMode: 'explicit',
      outputChannelCount: [about.channels],
      processorOptions: { memory, delay: this.latency },
    });
    this.#listen(onError);
    worker.postMessage({ type: 'start', memory, latency: this.latency });
  }

  /** Whether the high band is added; the received sound alone comes out at the same time as both. */
  get extended() {
    return this.#rings.settings[EXTENDED] === 1;
  }

  set extended(value) {
    this.#rings.settings[EXTENDED] = value ? 1 : 0;
  }

  /** Where the received band ends, in Hz. */
  get cutoffHz() {
    return this.#rings.settings[CUTOFF_HZ];
  }

  set cutoffHz(value) {
    const limit = SAMPLE_RATE / 2;
    if (!(value >= 0 && value <= limit)) throw new Error(`cutoffHz: expected 0 to ${limit}, received ${value}`);
    this.#rings.settings[CUTOFF_HZ] = value;
  }

  /** Weight of the diffuse term, 0 to 1. */
  get diffuse() {
    return this.#rings.settings[DIFFUSE];
  }

  set diffuse(value) {
    if (!(value >= 0 && value <= 1)) throw new Error(`diffuse: expected 0 to 1, received ${value}`);
    this.#rings.settings[DIFFUSE] = value;
  }

  /** Milliseconds that the decoder took for a hop in the Worker, and what came too late or was left out. */
  stats() {
    const count = (place) => this.#rings.get(place);
    return {
      ...this.#times,
      hopMs: this.hopMs,
      underruns: count(UNDERRUNS),
      skippedHops: count(SKIPPED),
      notFinite: count(NOT_FINITE),
    };
  }

  /** End the Worker and take the node out. */
  close() {
    clearInterval(this.#watch);
    this.node.disconnect();
    this.#worker.terminate();
  }

  #listen(onError) {
    this.#worker.onmessage = ({ data }) => {
      if (data.type === 'times') this.#times = { hops: data.hops, medianMs: data.medianMs, p99Ms: data.p99Ms };
      if (data.type === 'error') onError(new Error(data.message));
    };
    this.#worker.onerror = (event) => onError(new Error(event.message || 'the Worker failed'));
    this.node.onprocessorerror = () => onError(new Error('the audio thread failed'));
    let told = 0;
    this.#watch = setInterval(() => {
      const { notFinite } = this.stats();
      if (notFinite > told) onError(new Error('samples: received NaN or infinite ones; silence stands for them'));
      told = notFinite;
    }, WATCH_MS);
  }
}

function checkPlace(context) {
  if (!globalThis.crossOriginIsolated) {
    throw new Error('no shared memory: serve the page with Cross-Origin-Opener-Policy: same-origin and '
      + 'Cross-Origin-Embedder-Policy: require-corp');
  }
  if (context?.sampleRate !== SAMPLE_RATE) {
    throw new Error(`context: expected an AudioContext for ${SAMPLE_RATE} Hz, received ${context?.sampleRate}`);
  }
}

/** The Worker's first answer: what it says of the model, or an error. */
function answer(worker) {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => (data.type === 'error' ? reject(new Error(data.message)) : resolve(data));
    worker.onerror = (event) => reject(new Error(`the Worker does not start: ${event.message ?? 'not found'}`));
  });
}
