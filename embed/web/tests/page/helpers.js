/** What the tests run in the page. */

import { Decoder, Player, loadModel } from '/src/index.js';
import { crc32 } from '/src/model.js';

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
  const { manifest, flatbuffer } = await loadModel(good);
  const altered = (place) => good.map((byte, i) => (i === place ? byte ^ 1 : byte));
  const text = (from, to) => {
    const bytes = new TextDecoder('latin1').decode(good).replace(from, to);
    return Uint8Array.from(bytes, (character) => character.charCodeAt(0));
  };
  const cases = {
    empty: new Uint8Array(0),
    'half of it': good.slice(0, good.length / 2),
    'its last byte cut': good.slice(0, -1),
    'a byte more': Uint8Array.from([...good, 0]),
    'its begin cut': good.slice(1000),
    'a bit of the graph altered': altered(manifest.size_bytes >> 1),
    'a bit of the manifest altered': altered(manifest.size_bytes + 200),
    'the manifest renamed': text('tfbwe.json', 'other.json'),
    'no manifest': flatbuffer.slice(),
    noise: crypto.getRandomValues(new Uint8Array(60000)),
    text: new TextEncoder().encode('<!doctype html>'.repeat(100)),
    'a graph of one step': '/weights/stft.tflite',
    'no file': '/models/none.tflite',
    'a number': 5,
    'another shape': described(good, '1536', '1535'),
    'another name of a state': described(good, '"overlap": [', '"overlay": ['),
  };
  const said = {};
  const open = (source) => Decoder.open(source, { wasm: WASM });
  for (const [name, bytes] of Object.entries(cases)) said[name] = await complaint(() => open(bytes));
  return said;
}

/** A model file whose manifest says something else of the same length, its checksums made right. */
function described(good, from, to) {
  const latin = new TextDecoder('latin1').decode(good);
  const states = latin.lastIndexOf('"states"');
  const text = latin.slice(0, states) + latin.slice(states).replace(from, to);
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const central = bytes.length - 22 - view.getUint32(bytes.length - 10, true);
  const manifest = bytes.subarray(central - view.getUint32(central + 24, true), central);
  view.setUint32(central + 16, crc32(manifest), true);
  return bytes;
}

/** Bytes with any few of them altered: each is refused or the same file. Returns how many were taken. */
export async function fuzz(count) {
  const good = new Uint8Array(await (await fetch(MODELS[1])).arrayBuffer());
  const { manifest } = await loadModel(good);
  let taken = 0;
  for (let i = 0; i < count; i++) {
    const bytes = good.slice();
    const place = manifest.size_bytes + Math.floor(Math.random() * (good.length - manifest.size_bytes));
    bytes[place] = Math.floor(Math.random() * 256);
    const text = await complaint(() => loadModel(bytes));
    if (text.startsWith('no Error')) throw new Error(text);
    if (!text) taken++;
  }
  return taken;
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
    'no cutoff': () => decoder.extend(music, {}),
    'a cutoff above half the rate': () => decoder.extend(music, { cutoffHz: 22050 }),
    'a diffuse of 2': () => decoder.extend(music, { cutoffHz: 8000, diffuse: 2 }),
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

/** What comes out of a Player, against the same by a Decoder: largest difference, and largest sample added. */
export async function recorded() {
  const context = new AudioContext({ sampleRate: 44100 });
  const player = await Player.create({ context, model: MODELS[1], wasm: WASM, cutoffHz: 8000 });
  const clip = await context.decodeAudioData(await (await fetch('/data/clip.flac')).arrayBuffer());
  const length = 3 * 44100;
  const music = clip.getChannelData(0).slice(0, length);
  const buffer = new AudioBuffer({ length, sampleRate: 44100 });
  buffer.copyToChannel(music, 0);
  await context.audioWorklet.addModule('/tests/recorder.js');
  const mono = { channelCount: 1, channelCountMode: 'explicit' };
  const recorder = new AudioWorkletNode(context, 'recorder', { numberOfInputs: 2, ...mono });
  const source = new AudioBufferSourceNode(context, { buffer });
  source.connect(recorder, 0, 0);
  source.connect(player.node).connect(recorder, 0, 1);
  recorder.connect(context.destination);
  await context.resume();
  source.start(context.currentTime + 0.5);
  await wait(4.5);
  const taken = new Promise((resolve) => (recorder.port.onmessage = ({ data }) => resolve(data)));
  recorder.port.postMessage('give');
  const [dry, wet] = await taken;
  const { latency } = player;
  await context.close();
  player.close();
  const decoder = await Decoder.open(MODELS[1], { wasm: WASM });
  const begin = dry.findIndex((value) => value !== 0);
  if (begin < 0) throw new Error('nothing was recorded');
  let [best, added] = [Infinity, 0];
  // Where the node's hops lie in the recording is not known: anywhere in two hops, in blocks of 128.
  for (let shift = 0; shift < 8; shift++) {
    const [made] = await decoder.extend([dry.slice(128 * shift)], { cutoffHz: 8000 });
    const start = begin - 128 * shift;
    added = largest(made, dry.slice(128 * shift), start);
    best = Math.min(best, largest(made, wet.slice(latency + 128 * shift), start));
  }
  decoder.close();
  return { difference: best, added };
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
  };
  await context.close();
  return said;
}

export function wait(seconds) {
  return new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
}
