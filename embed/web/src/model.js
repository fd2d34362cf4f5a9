/**
 * The model file: a TFLite flatbuffer with its manifest, `tfbwe.json`, appended as a stored zip entry.
 *
 * A damaged flatbuffer may run, or hang, without an error; so a file is taken only if its hash is the one that
 * the manifest states.
 */

import { SAMPLE_RATE } from './rate.js';

export const FORMAT_VERSION = 2;
const MANIFEST_NAME = 'tfbwe.json';
const MAX_BYTES = 64 * 2 ** 20;
const MAX_MANIFEST_BYTES = 2 ** 20;
const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
export const CONTROLS = ['cutoff_hz', 'diffuse', 'lost'];

/** A model file that is missing, damaged or of another kind. */
export class ModelError extends Error {
  constructor(message) {
    super(message);
    this.name = 'ModelError';
  }
}

/**
 * Fetch, if need be, and check a model file.
 *
 * @param {string|URL|ArrayBuffer|Uint8Array} source address or bytes
 * @returns {Promise<{name: string, manifest: object, flatbuffer: Uint8Array}>}
 * @throws {ModelError}
 */
export async function loadModel(source) {
  const isAddress = typeof source === 'string' || source instanceof URL;
  const name = isAddress ? String(source) : 'model';
  const bytes = isAddress ? await fetched(name) : asBytes(source);
  if (bytes.length > MAX_BYTES) throw new ModelError(`${name}: expected at most ${MAX_BYTES} bytes, it is larger`);
  const { text, start } = manifestEntry(name, bytes);
  const manifest = parsed(name, text);
  if (manifest.size_bytes !== start) {
    throw new ModelError(`${name}: damaged: the manifest says ${manifest.size_bytes} bytes, found ${start}`);
  }
  const flatbuffer = bytes.subarray(0, start);
  if ((await sha256(flatbuffer)) !== manifest.sha256) {
    throw new ModelError(`${name}: damaged: its bytes are not those that its manifest describes; fetch it again`);
  }
  return { name, manifest, flatbuffer };
}

/** Shapes of the graph's inputs and outputs by name, as the manifest has them. */
export function tensorShapes(manifest) {
  const hop = [manifest.graph.channels, manifest.graph.hop_length];
  const inputs = { hop, ...manifest.states };
  for (const name of CONTROLS) inputs[name] = [1];
  const outputs = { extended: hop, high_band: hop, limited: [1] };
  for (const [name, shape] of Object.entries(manifest.states)) outputs[`next_${name}`] = shape;
  return { inputs, outputs };
}

/**
 * Position of each named tensor; throws unless names and shapes are exactly those expected.
 *
 * Names inside the graph can be decorated (`serving_default_hop:0`), and only those are stripped.
 */
export function tensorIndices(name, kind, details, shapes) {
  const indices = {};
  for (const { name: full, index, shape, dtype } of details) {
    const tensor = full.replace(/^serving_default_/, '').replace(/:\d+$/, '');
    const expected = shapes[tensor];
    if (!expected || tensor in indices) throw new ModelError(`${name}: unexpected ${kind} ${full}`);
    if (dtype !== 'float32' || String([...shape]) !== String(expected)) {
      const received = `${dtype} (${[...shape]})`;
      throw new ModelError(`${name}: ${kind} ${tensor}: expected float32 (${expected}), received ${received}`);
    }
    indices[tensor] = index;
  }
  const missing = Object.keys(shapes).filter((tensor) => !(tensor in indices));
  if (missing.length) throw new ModelError(`${name}: expected the ${kind}s ${missing.join(', ')}, found none`);
  return indices;
}

async function fetched(address) {
  let response;
  try {
    response = await fetch(address);
  } catch (error) {
    throw new ModelError(`${address}: no such model (${error.message})`);
  }
  if (!response.ok) throw new ModelError(`${address}: no such model (HTTP status ${response.status})`);
  return new Uint8Array(await response.arrayBuffer());
}

function asBytes(source) {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (source instanceof Uint8Array) return source;
  throw new ModelError('model: expected an address, an ArrayBuffer or a Uint8Array');
}

/** The manifest's text and where its zip begins, which is where the flatbuffer ends. */
function manifestEntry(name, bytes) {
  const fail = (reason) => {
    throw new ModelError(
      `${name}: expected a model with a manifest in it, found none (${reason}); damaged, or not a tfbwe model`,
    );
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = bytes.length - END_BYTES;
  if (end < 0 || view.getUint32(end, true) !== END) fail('no zip at its end');
  const central = end - view.getUint32(end + 12, true);
  const start = central - view.getUint32(end + 16, true);
  if (view.getUint16(end + 10, true) !== 1 || start < 0 || central < start + LOCAL_BYTES) fail('its zip is cut');
  if (central + CENTRAL_BYTES > end || view.getUint32(central, true) !== CENTRAL) fail('its zip has no directory');
  if (view.getUint32(start, true) !== LOCAL) fail('its zip has no entry');
  const size = view.getUint32(central + 20, true);
  const nameBytes = view.getUint16(start + 26, true);
  const from = start + LOCAL_BYTES + nameBytes + view.getUint16(start + 28, true);
  const stored = view.getUint16(central + 10, true) === 0 && view.getUint32(central + 24, true) === size;
  if (!stored) fail('its manifest is packed');
  if (size > MAX_MANIFEST_BYTES || from + size !== central) fail('its manifest is cut');
  const entry = new TextDecoder().decode(bytes.subarray(start + LOCAL_BYTES, start + LOCAL_BYTES + nameBytes));
  if (entry !== MANIFEST_NAME) fail(`no entry ${MANIFEST_NAME}`);
  const text = bytes.subarray(from, central);
  if (crc32(text) !== view.getUint32(central + 16, true)) fail('its manifest is altered');
  return { text, start };
}

function parsed(name, text) {
  let manifest;
  try {
    manifest = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (error) {
    throw new ModelError(`${name}: manifest: ${error.message}`);
  }
  const reason = complaint(manifest);
  if (reason) throw new ModelError(`${name}: manifest: ${reason}`);
  return manifest;
}

/** What is off with a manifest, or an empty text. */
function complaint(manifest) {
  const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
  const isCount = (value) => Number.isInteger(value) && value > 0 && value <= 2 ** 16;
  if (!isObject(manifest)) return 'expected a JSON object';
  const version = manifest.format_version;
  if (version > FORMAT_VERSION) return `expected format version ${FORMAT_VERSION}, received ${version}; upgrade tfbwe`;
  const { graph } = manifest;
  if (version !== FORMAT_VERSION || !isObject(graph) || graph.kind !== 'wave') {
    return `expected format version ${FORMAT_VERSION} and a graph from wave to wave; other graphs run in Python only`;
  }
  for (const key of ['channels', 'hop_length', 'latency_samples']) {
    if (!isCount(graph[key])) return `graph: ${key}: expected a whole number above 0, received ${graph[key]}`;
  }
  const cutoff = graph.default_cutoff_hz;
  if (!(Number.isFinite(cutoff) && cutoff > 0 && cutoff <= SAMPLE_RATE / 2)) {
    return `graph: default_cutoff_hz: expected Hz up to ${SAMPLE_RATE / 2}, received ${cutoff}`;
  }
  if (manifest.transform?.sample_rate !== SAMPLE_RATE) return `expected a model for ${SAMPLE_RATE} Hz`;
  if (!isObject(manifest.states)) return 'states: expected shapes by name';
  for (const [state, shape] of Object.entries(manifest.states)) {
    if (!Array.isArray(shape) || !shape.every(isCount)) return `states: unexpected shape of ${state}`;
  }
  const range = manifest.cutoff_range_hz;
  if (!Array.isArray(range) || range.length !== 2 || !range.every(Number.isFinite)) {
    return 'cutoff_range_hz: expected two numbers';
  }
  return '';
}

async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Checksum of zip entries. */
export function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
