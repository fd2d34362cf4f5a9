/** A filter that makes music end at a cutoff, so that there is something to extend. */

const TAPS = 1023;
/** Width of a Blackman window's slope, in parts of the sampling rate over the taps. */
const SLOPE = 5.5;

/** A node that passes what is under `cutoffHz`; change it by giving it another `lowPassKernel`. */
export function lowPass(context, cutoffHz) {
  return new ConvolverNode(context, { buffer: lowPassKernel(context, cutoffHz), disableNormalization: true });
}

/** Windowed sinc whose slope ends at the cutoff. */
export function lowPassKernel(context, cutoffHz) {
  const rate = context.sampleRate;
  const edge = (cutoffHz - (SLOPE / 2 / TAPS) * rate) / rate;
  const kernel = new Float32Array(TAPS);
  const middle = (TAPS - 1) / 2;
  for (let i = 0; i < TAPS; i++) {
    const x = i - middle;
    const turn = (2 * Math.PI * i) / (TAPS - 1);
    const window = 0.42 - 0.5 * Math.cos(turn) + 0.08 * Math.cos(2 * turn);
    kernel[i] = window * (x === 0 ? 2 * edge : Math.sin(2 * Math.PI * edge * x) / (Math.PI * x));
  }
  const buffer = new AudioBuffer({ length: TAPS, sampleRate: rate });
  buffer.copyToChannel(kernel, 0);
  return buffer;
}
