/** Samples a second, the only rate that the models know. */
export const SAMPLE_RATE = 44100;
