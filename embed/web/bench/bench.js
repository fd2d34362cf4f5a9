/** What benchmark.mjs runs in the page. */

import { lowPass } from '/demo/lowpass.js';

const WASM = '/node_modules/@litertjs/core/wasm/';
const SAMPLE_RATE = 44100;
const CUTOFF_HZ = 8000;
const SECONDS = 30;
const NOTE_S = 0.5;

/** Milliseconds that each hop of made-up music takes in a Worker. */
export async function measure(model) {
  const music = await madeUpMusic(SECONDS);
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
  const answer = await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => reject(new Error(event.message || 'the Worker failed'));
    worker.postMessage({ source: model, wasm: String(new URL(WASM, location)), music, cutoffHz: CUTOFF_HZ });
  });
  worker.terminate();
  if (answer.error) throw new Error(answer.error);
  return answer;
}

/** Decaying harmonic notes over noise, nothing above the cutoff, in stereo. */
async function madeUpMusic(seconds) {
  let random = 1;
  const uniform = () => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return random / 2 ** 32;
  };
  const length = Math.round(seconds * SAMPLE_RATE);
  const context = new OfflineAudioContext(2, length, SAMPLE_RATE);
  const buffer = context.createBuffer(2, length, SAMPLE_RATE);
  const channels = [0, 1].map((channel) => buffer.getChannelData(channel));
  for (const samples of channels) samples.forEach((_, i) => (samples[i] = 0.02 * (uniform() - 0.5)));
  const note = Math.round(NOTE_S * SAMPLE_RATE);
  for (let start = 0; start < length; start += note / 2) {
    const step = (2 * Math.PI * 110 * 2 ** (Math.floor(36 * uniform()) / 12)) / SAMPLE_RATE;
    const partials = Math.floor((2 * Math.PI * CUTOFF_HZ) / SAMPLE_RATE / step);
    const gains = channels.map(() => 0.05 + 0.1 * uniform());
    for (let i = 0; i < note && start + i < length; i++) {
      let value = 0;
      for (let k = 1; k <= partials; k++) value += Math.sin(k * step * i) / k;
      value *= Math.exp((-6 * i) / SAMPLE_RATE) * Math.min(1, (200 * i) / SAMPLE_RATE);
      channels.forEach((samples, channel) => (samples[start + i] += gains[channel] * value));
    }
  }
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(lowPass(context, CUTOFF_HZ)).connect(context.destination);
  source.start();
  const made = await context.startRendering();
  return [0, 1].map((channel) => made.getChannelData(channel));
}
