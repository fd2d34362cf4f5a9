/** Model files that must be refused, made of a good one; for the tests in the browser and in Node.js. */

import { crc32 } from '../../src/model.js';

/** Files whose bytes are off, by what is. */
export function damaged(good, manifest) {
  const altered = (place) => good.map((byte, i) => (i === place ? byte ^ 1 : byte));
  return {
    empty: new Uint8Array(0),
    'half of it': good.slice(0, good.length / 2),
    'its last byte cut': good.slice(0, -1),
    'a byte more': Uint8Array.from([...good, 0]),
    'its begin cut': good.slice(1000),
    'a bit of the graph altered': altered(manifest.size_bytes >> 1),
    'a bit of the manifest altered': altered(manifest.size_bytes + 200),
    'the manifest renamed': patched(good, manifest.size_bytes, 'tfbwe.json', 'other.json'),
    'no manifest': good.slice(0, manifest.size_bytes),
    noise: crypto.getRandomValues(new Uint8Array(60000)),
    text: new TextEncoder().encode('<!doctype html>'.repeat(100)),
    'a number': 5,
  };
}

/** Files whose manifest does not fit, by what is off. */
export function misdescribed(good) {
  const said = (from, to) => described(good, from, to);
  return {
    'no default cutoff': said('"default_cutoff_hz"', '"default_cutoff_HZ"'),
    'a default cutoff of 0': said('11025.0', '      0'),
    'a negative default cutoff': said('11025.0', '-1025.0'),
    'a default cutoff above half the rate': said('11025.0', '22050.5'),
    'a default cutoff that is a text': said('11025.0', '"11025"'),
    'an infinite default cutoff': said('11025.0', '  1e999'),
    'no channels': said('"channels": ', '"chanels":  '),
    'half a hop': said('"hop_length": 512', '"hop_length": 5.2'),
    'a hop of nothing': said('"hop_length": 512', '"hop_length":   0'),
    'another kind of graph': said('"wave"', '"wavy"'),
    'a newer format': said('"format_version": 2', '"format_version": 9'),
    'an older format': said('"format_version": 2', '"format_version": 1'),
    'another rate': said('44100', '48000'),
    'a cutoff range of one number': said('3500.0,', '       '),
    'broken JSON': said('{', '['),
  };
}

/** Files that only the graph itself contradicts. */
export function contradicted(good) {
  return {
    'another shape': described(good, '1536', '1535', '"states"'),
    'another name of a state': described(good, '"overlap": [', '"overlay": [', '"states"'),
  };
}

/** A model file whose manifest says something else of the same length, its checksum made right. */
function described(good, from, to, after = '{') {
  const view = new DataView(good.buffer, good.byteOffset, good.length);
  const central = good.length - 22 - view.getUint32(good.length - 10, true);
  const begin = central - view.getUint32(central + 24, true);
  const text = latin(good.subarray(begin, central));
  const made = patched(good, begin + text.indexOf(after), from, to);
  new DataView(made.buffer).setUint32(central + 16, crc32(made.subarray(begin, central)), true);
  return made;
}

/** A copy with the first `from` after a place replaced. */
function patched(good, begin, from, to) {
  const place = latin(good.subarray(begin)).indexOf(from);
  if (place < 0 || from.length !== to.length) throw new Error(`${from} does not become ${to}`);
  const made = good.slice();
  made.set(new TextEncoder().encode(to), begin + place);
  return made;
}

/** One character a byte. */
function latin(data) {
  return new TextDecoder('latin1').decode(data);
}
