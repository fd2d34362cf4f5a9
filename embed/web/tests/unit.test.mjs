/** What needs no browser: node --test tests/unit.test.mjs */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { Follower, MOST_WAITING } from '../src/follower.js';
import { ModelError, crc32, loadModel, tensorIndices, tensorShapes } from '../src/model.js';
import { CAPACITY, CUTOFF_HZ, DIFFUSE, EXTENDED, MADE, NOT_FINITE, Rings, SKIPPED, UNDERRUNS, WRITTEN, distance, put,
  take } from '../src/rings.js';
import { contradicted, damaged, misdescribed } from './page/damage.js';

const WEIGHTS = new URL('../../../tfbwe/weights/', import.meta.url);
const read = async (name) => new Uint8Array(await readFile(new URL(name, WEIGHTS)));
const good = await read('wave/stft-mono.tflite');
const HOP = 512;
const BLOCK = 128;
const GRAPH_LATENCY = 1536;
const LATENCY = 6144;
const FADE = 441;

test('the shipped models are taken, with what they say of themselves', async () => {
  for (const [name, channels] of [['mono', 1], ['stereo', 2]]) {
    const { manifest, flatbuffer } = await loadModel(await read(`wave/stft-${name}.tflite`));
    const beside = JSON.parse(await readFile(new URL(`wave/stft-${name}.json`, WEIGHTS), 'utf8'));
    assert.deepEqual(manifest, beside);
    assert.equal(manifest.graph.channels, channels);
    assert.equal(flatbuffer.length, manifest.size_bytes);
  }
});

const { manifest } = await loadModel(good);
for (const [name, source] of Object.entries({
  ...damaged(good, manifest),
  ...misdescribed(good),
  'a graph of one step': await read('stft.tflite'),
})) {
  test(`refused with a text: ${name}`, async () => {
    await assert.rejects(loadModel(source), (error) => {
      assert.ok(error instanceof ModelError, String(error));
      assert.match(error.message, /expected|damaged|manifest/);
      return true;
    });
  });
}

test('a cutoff that is not fit for a default is named', async () => {
  for (const [name, source] of Object.entries(misdescribed(good))) {
    if (name.includes('default cutoff')) await assert.rejects(loadModel(source), /default_cutoff_hz: expected Hz up to/);
  }
});

test('altered bytes behind the graph are refused, or change nothing', async () => {
  let random = 1;
  const below = (limit) => {
    random = (Math.imul(random, 1664525) + 1013904223) >>> 0;
    return Math.floor((random / 2 ** 32) * limit);
  };
  for (let i = 0; i < 300; i++) {
    const bytes = good.slice();
    bytes[manifest.size_bytes + below(good.length - manifest.size_bytes)] = below(256);
    const taken = await loadModel(bytes).catch((error) => error);
    if (taken instanceof Error) assert.ok(taken instanceof ModelError, taken.stack);
    else assert.deepEqual(taken.manifest, manifest);
  }
});

test('names and shapes of tensors are those of the manifest, or an error', async () => {
  const details = (shapes) =>
    Object.entries(shapes).map(([name, shape], index) => ({
      name: `serving_default_${name}:0`, index, shape: Int32Array.from(shape), dtype: 'float32',
    }));
  const { inputs } = tensorShapes(manifest);
  const given = details(inputs);
  const indices = tensorIndices('model', 'input', given, inputs);
  assert.deepEqual(Object.keys(indices).sort(), Object.keys(inputs).sort());
  assert.equal(indices.hop, given.findIndex(({ name }) => name.includes('hop')));
  assert.throws(() => tensorIndices('model', 'input', given.slice(1), inputs), /expected the inputs/);
  assert.throws(() => tensorIndices('model', 'input', [...given, given[0]], inputs), /unexpected input/);
  const whole = [{ ...given[0], dtype: 'int8' }, ...given.slice(1)];
  assert.throws(() => tensorIndices('model', 'input', whole, inputs), /received int8/);
  for (const source of Object.values(contradicted(good))) {
    const other = tensorShapes((await loadModel(source)).manifest).inputs;
    assert.throws(() => tensorIndices('model', 'input', given, other), ModelError);
  }
});

test('the checksum is that of zip', () => {
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
});

test('rings are addressed by the number of a sample, across their end and across 2^31', () => {
  const ring = new Float32Array(CAPACITY);
  const samples = Float32Array.from({ length: 300 }, (_, i) => i + 1);
  for (const at of [0, CAPACITY - 100, 2 ** 31 - 100, -100]) {
    ring.fill(0);
    put(ring, at, samples);
    const back = new Float32Array(300);
    take(ring, at | 0, back);
    assert.deepEqual(back, samples);
  }
  assert.equal(distance(5, 2), 3);
  assert.equal(distance((2 ** 31 + 10) | 0, 2 ** 31 - 10), 20);
  const rings = new Rings(Rings.allocate(2));
  const other = new Rings({ channels: 2, ...memoryOf(rings) });
  put(rings.received[1], 7, samples);
  rings.count(SKIPPED, 3);
  assert.equal(other.received[1][7], 1);
  assert.equal(other.received[0][7], 0);
  assert.equal(other.get(SKIPPED), 3);
});

function memoryOf({ control, settings, received, high }) {
  return { control: control.buffer, settings: settings.buffer, received: received[0].buffer, high: high[0].buffer };
}

/**
 * Stands for a decoder: the high band is half of what came in, `GRAPH_LATENCY` samples late. As frames are as long, none
 * is made of the first so many samples behind a gap.
 */
class HalfAgain {
  hopLength = HOP;
  graphLatency = GRAPH_LATENCY;
  skips = [];
  #past;
  #sinceGap = Infinity;

  constructor(channels) {
    this.#past = Array.from({ length: channels }, () => new Float32Array(GRAPH_LATENCY));
  }

  configure(settings) {
    this.settings = settings;
  }

  async skip(hops) {
    this.skips.push(hops);
    for (const past of this.#past) past.fill(0);
    this.#sinceGap = 0;
  }

  async processHop(hop) {
    this.#sinceGap += HOP;
    const whole = this.#sinceGap - HOP >= 2 * GRAPH_LATENCY;
    return hop.map((samples, channel) => {
      const all = [...this.#past[channel], ...samples];
      this.#past[channel] = Float32Array.from(all.slice(HOP));
      return Float32Array.from(all.slice(0, HOP), (value) => (whole ? value / 2 : 0));
    });
  }
}

/** The class that worklet.js registers, as the audio thread makes it. */
async function audioThread(rings, delay) {
  let found;
  globalThis.AudioWorkletProcessor = class {};
  globalThis.sampleRate = 44100;
  globalThis.registerProcessor = (_, made) => (found = made);
  globalThis.processor ??= (await import('../src/worklet.js'), found);
  const memory = { channels: rings.channels, ...memoryOf(rings) };
  return new globalThis.processor({ processorOptions: { memory, delay } });
}

/** Both sides of the rings, without threads: the Worker's side runs only when it is let. */
async function both(channels) {
  const rings = new Rings(Rings.allocate(channels));
  rings.settings[EXTENDED] = 1;
  rings.settings[CUTOFF_HZ] = 8000;
  rings.settings[DIFFUSE] = 0.5;
  const decoder = new HalfAgain(channels);
  const follower = new Follower(rings, decoder, LATENCY);
  const thread = await audioThread(rings, LATENCY);
  const sample = (channel, at) => (at < 0 ? 0 : 0.1 + ((at * 7919 + channel * 31) % 1000) / 1000);
  let at = 0;
  /** Play blocks; returns, for each sample, by how much more than the received one came out. */
  const play = async (blocks, { held = false, nan = false } = {}) => {
    const more = [];
    for (let i = 0; i < blocks; i++) {
      const block = (channel) => Float32Array.from({ length: BLOCK }, (_, k) => (nan ? NaN : sample(channel, at + k)));
      const output = Array.from({ length: channels }, () => new Float32Array(BLOCK));
      assert.equal(thread.process([Array.from({ length: channels }, (_, channel) => block(channel))], [output]), true);
      for (let k = 0; k < BLOCK; k++) {
        const gain = output.map((one, channel) => one[k] / (sample(channel, at + k - LATENCY) || 1));
        gain.forEach((value) => assert.ok(Math.abs(value - gain[0]) < 1e-6, 'channels differ'));
        more.push(gain[0]);
      }
      at += BLOCK;
      while (!held && (await follower.step(rings.get(WRITTEN))) !== null);
    }
    return more;
  };
  return { rings, decoder, play };
}

const near = (value) => (gain) => Math.abs(gain - value) < 1e-6;
const lastBlocks = (count, gains) => gains.slice(-count * BLOCK);

for (const channels of [1, 2]) {
  test(`in step: received samples come out late, and the high band with them, ${channels} channels`, async () => {
    const { rings, decoder, play } = await both(channels);
    const gains = await play(200);
    assert.ok(gains.slice(0, LATENCY).every(near(0)), 'something came out before the latency is over');
    assert.ok(gains.slice(LATENCY).every((gain) => gain > 0.9999 && gain < 1.5001), 'the received samples moved');
    assert.ok(gains.slice(LATENCY + FADE).every(near(1.5)), 'the high band is not in step');
    assert.deepEqual(decoder.settings, { cutoffHz: 8000, diffuse: 0.5 });
    assert.deepEqual([UNDERRUNS, NOT_FINITE, SKIPPED].map((place) => rings.get(place)), [0, 0, 0]);
  });
}

test('a Worker that is late within the headroom is not heard', async () => {
  const { rings, play } = await both(2);
  await play(200);
  const held = await play(28, { held: true });
  const after = await play(50);
  assert.ok([...held, ...after].every(near(1.5)));
  assert.equal(rings.get(UNDERRUNS), 0);
});

test('a Worker that is late by 0.3 s leaves out nothing and recovers', async () => {
  const { rings, decoder, play } = await both(1);
  await play(200);
  const held = await play(100, { held: true });
  assert.ok(lastBlocks(50, held).every(near(1)), 'the received samples alone');
  const after = await play(50);
  assert.ok(after.slice(BLOCK + FADE).every(near(1.5)), 'the high band is back at once');
  assert.ok(rings.get(UNDERRUNS) >= 60);
  assert.equal(rings.get(SKIPPED), 0);
  assert.deepEqual(decoder.skips, []);
});

for (const blocks of [130, 250, 257, 1000, 5001]) {
  test(`a Worker that is held up for ${blocks} blocks leaves out hops, says so, and recovers in step`, async () => {
    const { rings, decoder, play } = await both(2);
    await play(203);
    const held = await play(blocks, { held: true });
    const late = rings.get(UNDERRUNS);
    assert.ok(lastBlocks(blocks - 40, held).every(near(1)), 'the received samples go on alone');
    const behind = distance(rings.get(WRITTEN), rings.get(MADE)) - GRAPH_LATENCY;
    assert.ok(behind > MOST_WAITING);
    const after = await play(60);
    assert.ok(after.every((gain) => gain > 0.9999 && gain < 1.5001), 'nothing but these two is heard');
    assert.ok(after.slice(2 * BLOCK + FADE).every(near(1.5)), 'the high band is back at once and in step');
    const hops = rings.get(SKIPPED);
    assert.deepEqual(decoder.skips, [hops], 'the decoder is told once, and of all hops');
    const wasted = behind + BLOCK - LATENCY - hops * HOP;
    assert.ok(hops > 8 && wasted >= 0 && wasted < 2 * GRAPH_LATENCY, `${wasted} samples that are too late were kept`);
    assert.ok(rings.get(UNDERRUNS) <= late + 2, `${rings.get(UNDERRUNS) - late} more blocks without high band`);
  });
}

test('a Worker that stays too slow never repeats old sound', async () => {
  const { rings, play } = await both(1);
  await play(200);
  for (let i = 0; i < 10; i++) {
    const heard = [...(await play(300, { held: true })), ...(await play(1))];
    assert.ok(heard.every((gain) => gain > 0.9999 && gain < 1.5001));
  }
  assert.ok(rings.get(SKIPPED) > 500);
});

test('NaN is counted and silence stands for it, then all is as before', async () => {
  const { rings, play } = await both(1);
  await play(200);
  await play(3, { nan: true }).catch(() => assert.fail('NaN came out'));
  assert.equal(rings.get(NOT_FINITE), 3 * BLOCK);
  const after = await play(200);
  assert.ok(after.every(Number.isFinite));
  assert.ok(lastBlocks(100, after).every(near(1.5)));
});
