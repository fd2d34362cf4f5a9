/** What a model file says of itself. */
export interface Manifest {
  format_version: number;
  model: string;
  graph: {
    kind: 'wave';
    channels: number;
    hop_length: number;
    latency_samples: number;
    /** For music of which nobody says where its band ends. */
    default_cutoff_hz: number;
  };
  states: Record<string, number[]>;
  cutoff_range_hz: [number, number];
  highest_hz: number;
  quantisation: string;
  sha256: string;
  size_bytes: number;
  [key: string]: unknown;
}

/** A checked model file. */
export interface Model {
  name: string;
  manifest: Manifest;
  flatbuffer: Uint8Array;
}

/** Address of a model file, or its bytes. */
export type ModelSource = string | URL | ArrayBuffer | Uint8Array;

/** A model file that is missing, damaged or of another kind. */
export class ModelError extends Error {}

/** Fetch, if need be, and check a model file. */
export function loadModel(source: ModelSource): Promise<Model>;

/** Runs a model hop by hop, or over a whole signal. */
export class Decoder {
  private constructor();
  /** `wasm`: where the folder `wasm` of @litertjs/core is served. */
  static open(source: ModelSource, options: { wasm: string | URL }): Promise<Decoder>;
  readonly manifest: Manifest;
  readonly channels: number;
  readonly hopLength: number;
  /** Samples by which a hop's high band comes later than the hop. */
  readonly graphLatency: number;
  /** Latency of a stream in samples: the same, and the hop that is collected first. */
  readonly latency: number;
  /** Forget the past. */
  reset(): void;
  /** Process silence for a while, so that the first hops take no longer than others; forgets the past. */
  warmUp(): Promise<void>;
  /**
   * Cutoff in Hz (0 adds nothing) and weight of the diffuse term, 0 to 1; what is not given stays. At first they
   * are the model's default cutoff and 1.
   */
  configure(settings: { cutoffHz?: number; diffuse?: number }): void;
  /** High band for a hop of received samples, one array a channel; null for a hop that was lost. */
  processHop(hop: Float32Array[] | null): Promise<Float32Array[]>;
  /** Leave out hops, in the time of one: for the graph they were lost. */
  skip(hops: number): Promise<void>;
  /** Extend a whole signal at 44.1 kHz; the output has its length, latency taken out. */
  extend(
    channels: Float32Array[],
    /** Without a cutoff the model's default. */
    options?: { cutoffHz?: number; diffuse?: number; onProgress?: (part: number) => void },
  ): Promise<Float32Array[]>;
  /** Free what the interpreter holds. */
  close(): void;
}

export interface PlayerOptions {
  /** Made for 44100 Hz. */
  context: AudioContext;
  model: ModelSource;
  /** Where the folder `wasm` of @litertjs/core is served. */
  wasm: string | URL;
  /** An error if the model is made for another number. */
  channels?: number;
  /** The model's default if not given; 0 adds nothing. */
  cutoffHz?: number;
  diffuse?: number;
  /** Samples by which the Worker may be late, beyond the model's latency; 0 to 8192. */
  headroom?: number;
  /** What goes wrong after the start. */
  onError?: (error: Error) => void;
}

export interface PlayerStats {
  /** Hops so far, and milliseconds that the decoder took for one of the last 2000 in the Worker. */
  hops: number;
  medianMs: number;
  p99Ms: number;
  /** Milliseconds of sound in a hop. */
  hopMs: number;
  /** Blocks of 128 samples whose high band came too late. */
  underruns: number;
  /** Hops that were left out because the Worker was 370 ms behind; their blocks are among the underruns. */
  skippedHops: number;
  /** Samples that were NaN or infinite. */
  notFinite: number;
}

/** Extends what is played through its node, the model in a Worker. */
export class Player {
  private constructor();
  static create(options: PlayerOptions): Promise<Player>;
  readonly node: AudioWorkletNode;
  readonly manifest: Manifest;
  readonly channels: number;
  /** Samples by which the sound comes out later, received or extended. */
  readonly latency: number;
  readonly hopMs: number;
  /** Whether the high band is added. */
  extended: boolean;
  cutoffHz: number;
  diffuse: number;
  stats(): PlayerStats;
  /** End the Worker and take the node out. */
  close(): void;
}
