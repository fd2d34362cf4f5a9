/** What the tests run in the page. */

import { Decoder, Player, loadModel } from '/src/index.js';
import { contradicted, damaged, misdescribed } from './damage.js';

const WASM = '/node_modules/@litertjs/core/wasm/';
export const MODELS = { 1: '/models/stft-mono.tflite', 2: '/models/stft-stereo.tflite' };

/** Level of the difference from Python's output, against the band that Python added, in dB. */
export async function difference({ stem, model, channels, cutoff_hz, diffuse }) {
  const decoder = await Decoder.open(`/vectors/${model}`, { wasm: WASM });
  const received = await signal(`/vectors/${stem}.in.f32`, channels);
  const expected = await signal(`/vectors/${stem}.out.f32`, channels);
  const made = await decoder.extend(received, { cutoffHz: cutoff_hz, diffuse });
  const again = await decoder.extend(received, { cutoffHz: cutoff_hz, diffuse });
  decoder.close();
  if (made.some((one, i) => one.length !== expected[i].length)) throw new Error('the output has another length');
  return { db: 10 * Math.log10(power(made, expected) / power(expected, received)), again: power(made, again) };
}

async function signal(address, channels) {
  const all = new Float32Array(await (await fetch(address)).arrayBuffer());
  const length = all.length / channels;
  return Array.from({ length: channels }, (_, i) => all.slice(i * length, (i + 1) * length));
}

function power(a, b) {
  let sum = 0;
  a.forEach((one, channel) => one.forEach((value, i) => (sum += (value - b[channel][i]) ** 2)));
  return sum;
}

/** The text of the error that a job ends with, or nothing. */
async function complaint(job) {
  try {
    await job();
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : `no Error: ${error}`;
  }
}

/** What damaged and foreign model files are refused with. */
export async function refusals() {
  const good = new Uint8Array(await (await fetch(MODELS[1])).arrayBuffer());
  const { manifest } = await loadModel(good);
  const cases = {
    ...damaged(good, manifest),
    ...misdescribed(good),
    ...contradicted(good),
    'a graph of one step': '/weights/stft.tflite',
    'no file': '/models/none.tflite',
  };
  const said = {};
  const open = (source) => Decoder.open(source, { wasm: WASM });
  for (const [name, source] of Object.entries(cases)) said[name] = await complaint(() => open(source));
  return said;
}

/** What bad signals and settings are refused with, and whether the decoder works after all of them. */
export async function badInput() {
  const decoder = await Decoder.open(MODELS[1], { wasm: WASM });
  const noise = () => Float32Array.from({ length: 4096 }, () => Math.random() - 0.5);
  const music = [noise()];
  const settings = { cutoffHz: 8000 };
  const before = await decoder.extend(music, settings);
  const holed = noise();
  holed[3000] = NaN;
  const cases = {
    'two channels': () => decoder.extend([noise(), noise()], settings),
    'no channels': () => decoder.extend([], settings),
    'no array': () => decoder.extend(noise(), settings),
    NaN: () => decoder.extend([holed], settings),
    infinite: () => decoder.processHop([new Float32Array(512).fill(Infinity)]),
    'a short hop': () => decoder.processHop([new Float32Array(511)]),
    'plain numbers': () => decoder.processHop([Array(512).fill(0)]),
    'a cutoff of 0': () => decoder.extend(music, { cutoffHz: 0 }),
    'a cutoff above half the rate': () => decoder.extend(music, { cutoffHz: 22051 }),
    'a diffuse of 2': () => decoder.extend(music, { cutoffHz: 8000, diffuse: 2 }),
    'half a hop left out': () => decoder.skip(0.5),
    'two hops at once': async () => {
      const hop = () => decoder.processHop([new Float32Array(512)]);
      const [, second] = await Promise.allSettled([hop(), hop()]);
      if (second.status === 'rejected') throw second.reason;
    },
  };
  const said = {};
  for (const [name, job] of Object.entries(cases)) said[name] = await complaint(job);
  await decoder.extend([noise().map((value) => 1e30 * value)], settings);
  const after = await decoder.extend(music, settings);
  const nothing = await decoder.extend([new Float32Array(0)], settings);
  decoder.close();
  return { said, same: power(before, after) === 0, empty: nothing[0].length === 0 };
}

/** Play the clip through a Player for some seconds. */
export async function play({ channels, seconds, nan = false }) {
  const context = new AudioContext({ sampleRate: 44100 });
  const errors = [];
  const onError = (error) => errors.push(error.message);
  const player = await Player.create({ context, model: MODELS[channels], wasm: WASM, cutoffHz: 8000, onError });
  const clip = await context.decodeAudioData(await (await fetch('/data/clip.flac')).arrayBuffer());
  if (nan) clip.getChannelData(0).fill(NaN, 1000, 1010);
  const source = new AudioBufferSourceNode(context, { buffer: clip, loop: true });
  const low = new BiquadFilterNode(context, { type: 'lowpass', frequency: 6000 });
  const analyser = new AnalyserNode(context, { fftSize: 2048, smoothingTimeConstant: 0 });
  if (nan) source.connect(player.node);
  else source.connect(low).connect(player.node);
  player.node.connect(analyser).connect(context.destination);
  await context.resume();
  source.start();
  await wait(seconds);
  const stats = player.stats();
  await context.close();
  player.close();
  return { ...stats, errors };
}

/** What comes without a cutoff, against the same at the model's default: the difference, and what was added. */
export async function defaultCutoff() {
  const decoder = await Decoder.open(MODELS[1], { wasm: WASM });
  const stated = decoder.manifest.graph.default_cutoff_hz;
  const context = new OfflineAudioContext(1, 44100, 44100);
  const clip = await context.decodeAudioData(await (await fetch('/data/clip.flac')).arrayBuffer());
  const music = [clip.getChannelData(0).slice(0, 44100)];
  const given = await decoder.extend(music, { cutoffHz: stated });
  const without = await decoder.extend(music);
  const hops = Array.from({ length: 40 }, (_, i) => [music[0].slice(512 * i, 512 * (i + 1))]);
  const fresh = await Decoder.open(MODELS[1], { wasm: WASM });
  let first = 0;
  for (const [i, hop] of hops.entries()) {
    const [high] = await fresh.processHop(hop);
    const from = 512 * i - fresh.graphLatency;
    if (from < 0) continue;
    const sum = high.map((value, k) => music[0][from + k] + value);
    first = Math.max(first, largest(sum, given[0].subarray(from, from + 512), 0));
  }
  decoder.close();
  fresh.close();
  return { stated, difference: power(given, without), first, added: power(given, music) };
}

/** Hops left out at once, against the same lost one by one: largest difference once the network has filled again. */
export async function leftOut() {
  const decoders = [await Decoder.open(MODELS[1], { wasm: WASM }), await Decoder.open(MODELS[1], { wasm: WASM })];
  const noise = () => [Float32Array.from({ length: 512 }, () => 0.2 * (Math.random() - 0.5))];
  const both = async (hop) => {
    const [[a], [b]] = await Promise.all(decoders.map((decoder) => decoder.processHop(hop)));
    return [largest(a, b, 0), Math.max(...a.map(Math.abs))];
  };
  for (let i = 0; i < 20; i++) await both(noise());
  const [at, one] = decoders;
  await at.skip(41);
  for (let i = 0; i < 41; i++) await one.processHop(null);
  for (let i = 0; i < 60; i++) await both(noise());
  let [difference, added] = [0, 0];
  for (let i = 0; i < 20; i++) {
    const [off, high] = await both(noise());
    [difference, added] = [Math.max(difference, off), Math.max(added, high)];
  }
  for (const decoder of decoders) decoder.close();
  return { difference, added };
}

/**
 * What goes into a Player and what comes out while the clip plays, and its statistics. The clip is cut off at 8 kHz: where
 * there is nothing to restore, what comes out does not depend on the hop with which the Player began.
 */
async function record(seconds) {
  const context = new AudioContext({ sampleRate: 44100 });
  const errors = [];
  const onError = (error) => errors.push(error.message);
  const player = await Player.create({ context, model: MODELS[1], wasm: WASM, cutoffHz: 8000, onError });
  const [clip] = await signal('/vectors/stft-mono-8000.in.f32', 1);
  const length = seconds * 44100;
  const buffer = new AudioBuffer({ length, sampleRate: 44100 });
  buffer.copyToChannel(Float32Array.from({ length }, (_, i) => clip[i % clip.length]), 0);
  await context.audioWorklet.addModule('/tests/recorder.js');
  const mono = { channelCount: 1, channelCountMode: 'explicit' };
  const recorder = new AudioWorkletNode(context, 'recorder', { numberOfInputs: 2, ...mono });
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(recorder, 0, 0);
  source.connect(player.node).connect(recorder, 0, 1);
  recorder.connect(context.destination);
  await context.resume();
  source.start(context.currentTime + 0.5);
  globalThis.playing = true;
  await wait(seconds + 1.5);
  const taken = new Promise((resolve) => (recorder.port.onmessage = ({ data }) => resolve(data)));
  recorder.port.postMessage('give');
  const [dry, wet] = await taken;
  const { latency } = player;
  const stats = player.stats();
  await context.close();
  player.close();
  const begin = dry.findIndex((value) => value !== 0);
  if (begin < 0) throw new Error('nothing was recorded');
  return { dry, wet: wet.slice(latency), begin, errors, ...stats };
}

/** Largest difference of what a Player put out from what a Decoder makes of it, from a sample on. */
async function fromDecoder({ dry, wet }, from) {
  const decoder = await Decoder.open(MODELS[1], { wasm: WASM });
  let [difference, added] = [Infinity, 0];
  // Where the node's hops lie in the recording is not known: anywhere in two hops, in blocks of 128.
  for (let shift = 0; shift < 1024; shift += 128) {
    const [made] = await decoder.extend([dry.slice(shift)], { cutoffHz: 8000 });
    added = largest(made, dry.slice(shift), from - shift);
    difference = Math.min(difference, largest(made, wet.slice(shift), from - shift));
  }
  decoder.close();
  return { difference, added };
}

/** What comes out of a Player, against the same by a Decoder. */
export async function recorded() {
  const heard = await record(3);
  return { ...(await fromDecoder(heard, heard.begin)), underruns: heard.underruns };
}

/** The same while somebody holds up the Worker: seconds without high band, and what follows them. */
export async function heldUp() {
  const heard = await record(6);
  const { dry, wet, errors, underruns, skippedHops } = heard;
  let [longest, end, run] = [0, 0, 0];
  for (let i = heard.begin; i < Math.min(wet.length, heard.begin + 6 * 44100); i++) {
    run = wet[i] === dry[i] ? run + 1 : 0;
    if (run > longest) [longest, end] = [run, i];
  }
  // The network's memory is full again within half a second.
  const from = end + 22050;
  return { ...(await fromDecoder(heard, from)), seconds: longest / 44100, rest: (wet.length - from) / 44100, errors,
    underruns, skippedHops };
}

function largest(a, b, from) {
  let most = 0;
  for (let i = from; i < Math.min(a.length, b.length); i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

/** What the Player is refused with. */
export async function playerRefusals() {
  const context = new AudioContext({ sampleRate: 44100 });
  const cut = (await (await fetch(MODELS[1])).arrayBuffer()).slice(0, 5000);
  const make = (more) => complaint(() => Player.create({ context, model: MODELS[1], wasm: WASM, ...more }));
  const said = {
    'a cut model': await make({ model: cut }),
    'no model': await make({ model: '/models/none.tflite' }),
    'another number of channels': await make({ channels: 2 }),
    'another rate': await make({ context: new AudioContext({ sampleRate: 48000 }) }),
    'no runtime': await make({ wasm: '/nowhere/' }),
    'a cutoff above half the rate': await make({ cutoffHz: 22051 }),
    'half a sample of headroom': await make({ headroom: 0.5 }),
  };
  const player = await Player.create({ context, model: MODELS[1], wasm: WASM });
  const { cutoffHz, manifest } = player;
  player.close();
  if (cutoffHz !== manifest.graph.default_cutoff_hz) throw new Error(`a Player without a cutoff is at ${cutoffHz} Hz`);
  await context.close();
  return said;
}

export function wait(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
