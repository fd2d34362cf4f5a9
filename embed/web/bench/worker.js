/** Does what the Player's Worker does, with music that is all there: one hop after the other, each timed. */

import { Decoder } from '/src/decoder.js';
import { Follower } from '/src/follower.js';
import { CUTOFF_HZ, DIFFUSE, Rings, put } from '/src/rings.js';

globalThis.onmessage = async ({ data }) => {
  try {
    globalThis.postMessage(await measured(data));
  } catch (error) {
    globalThis.postMessage({ error: error?.message ?? String(error) });
  }
};

async function measured({ source, wasm, music, cutoffHz }) {
  const decoder = await Decoder.open(source, { wasm });
  await decoder.warmUp();
  const { channels, hopLength, latency } = decoder;
  if (channels > music.length) throw new Error(`${source}: made for ${channels} channels; two are measured at most`);
  const rings = new Rings(Rings.allocate(channels));
  rings.settings[CUTOFF_HZ] = cutoffHz;
  rings.settings[DIFFUSE] = 1;
  const follower = new Follower(rings, decoder, latency);
  const times = [];
  for (let at = 0; at + hopLength <= music[0].length; at += hopLength) {
    rings.received.forEach((ring, channel) => put(ring, at, music[channel].subarray(at, at + hopLength)));
    times.push(await follower.step(at + hopLength));
  }
  decoder.close();
  return { channels, hopLength, times };
}
