/**
 * Memory that the AudioWorklet and the Worker share: received samples one way, high band the other.
 *
 * Both rings are addressed by the sample's number since the start, so that neither side needs the other's
 * place; numbers wrap at 2^31, and only their differences count.
 */

export const CAPACITY = 2 ** 15;
/** Places in `control`: samples received; up to which sample there is high band; what went wrong how often. */
export const [WRITTEN, MADE, UNDERRUNS, NOT_FINITE, SKIPPED] = [0, 1, 2, 3, 4];
/** Places in `settings`. */
export const [CUTOFF_HZ, DIFFUSE, EXTENDED] = [0, 1, 2];

const MASK = CAPACITY - 1;

export class Rings {
  /** Memory to hand to both sides. */
  static allocate(channels) {
    const floats = (count) => new SharedArrayBuffer(4 * count);
    return {
      channels,
      control: floats(8),
      settings: floats(4),
      received: floats(channels * CAPACITY),
      high: floats(channels * CAPACITY),
    };
  }

  constructor({ channels, control, settings, received, high }) {
    const split = (memory) =>
      Array.from({ length: channels }, (_, i) => new Float32Array(memory, 4 * i * CAPACITY, CAPACITY));
    this.channels = channels;
    this.control = new Int32Array(control);
    this.settings = new Float32Array(settings);
    this.received = split(received);
    this.high = split(high);
  }

  get(place) {
    return Atomics.load(this.control, place);
  }

  set(place, value) {
    Atomics.store(this.control, place, value);
  }

  count(place, more = 1) {
    Atomics.add(this.control, place, more);
  }
}

/** Copy samples into a ring from the sample numbered `at`. */
export function put(ring, at, samples) {
  for (let i = 0; i < samples.length; i++) ring[(at + i) & MASK] = samples[i];
}

/** Copy samples out of a ring. */
export function take(ring, at, samples) {
  for (let i = 0; i < samples.length; i++) samples[i] = ring[(at + i) & MASK];
}

/** How many samples `later` comes after `earlier`, across the wrap. */
export function distance(later, earlier) {
  return (later - earlier) | 0;
}
