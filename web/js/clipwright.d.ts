/** The engine under clipwright's page: CLIP and what was learned on it, in a worker. */

/** Where bytes come from: an address, a file, or the bytes themselves. */
export type Source = string | URL | Blob | ArrayBuffer | ArrayBufferView;

/** An image: the bytes of a PNG, JPEG, WebP, GIF or BMP, or what shows one. */
export type ImageSource = Source | HTMLImageElement | HTMLCanvasElement;

/** `zero_shot` and what can be learned. */
export type Method = "zero_shot" | "linear_probe" | "coop" | "cocoop" | "lora";

export interface LoadOptions {
  /** Weights of a CLIP, best as safetensors: a whole model, or a site's. */
  model: Source;
  /** Learned files, by the names that rankings have them under. */
  learned?: Record<string, Source>;
  /**
   * The worker's script; by default `../worker_loader.js` from this module. Browsers ask
   * for it to be of the page's own host. With `?helpers=2` in its address two more workers
   * encode views for `tune`, whatever the model; without, as many as there are processors
   * do where the model is large, as far as a quarter of the memory goes. They need no
   * headers. They read the model once more: from the file, from the browser's cache of an
   * address, or from the bytes.
   */
  worker?: string | URL;
  signal?: AbortSignal;
}

/** Starts the engine and opens the files. */
export function load(options: LoadOptions): Promise<Classifier>;

export interface Classifier {
  readonly model: ModelInfo;
  readonly learned: readonly LearnedInfo[];

  /** Ranks the classes of an image, zero-shot first and then by each learned file. */
  classify(
    image: ImageSource,
    classes: readonly string[],
    options?: ClassifyOptions,
  ): Promise<Ranking[]>;

  /** The image's features, `embed_dim` numbers, not normalised. */
  features(image: ImageSource, options?: FeaturesOptions): Promise<Float32Array>;

  /** Tunes a prompt on this image alone, then ranks the classes by it. */
  tune(image: ImageSource, classes: readonly string[], options?: TuneOptions): Promise<Tuned>;

  /** Ends the worker; whatever is still asked fails. */
  terminate(): void;
}

export interface ClassifyOptions {
  /** Zero-shot's prompt with `{}` for the class name; several are an ensemble. */
  template?: string | readonly string[];
  signal?: AbortSignal;
}

export interface FeaturesOptions {
  /** The learned file to see with; by default the model alone. */
  learned?: string | null;
  signal?: AbortSignal;
}

export interface TuneOptions {
  /** The prompt to start from, with `{}` for the class name. */
  template?: string;
  /** The learned context to start from instead. */
  learned?: string | null;
  /** Random crops beside the image itself; 15 by default. */
  views?: number;
  /** Steps of the optimiser; 1 by default. */
  steps?: number;
  /** What a step makes smaller. */
  loss?: "defaultTPT" | "crossentropy_soft" | "crossentropy_hard1" | "crossentropy_hard5";
  learningRate?: number;
  weightDecay?: number;
  /** The share of the views, the most confident ones, that count: 0.1, or at least one. */
  selected?: number;
  /** Names the random crops. */
  seed?: number;
  /** Told while it goes on. */
  onStep?: (soFar: Tuned) => void;
  signal?: AbortSignal;
}

export interface Tuned {
  /** Most probable first. */
  before: ClassProbability[];
  after: ClassProbability[];
  /** The loss at the start and behind each step, in nats. */
  losses: number[];
  /** How far each context vector is from where it started. */
  moved: number[];
}

/** One learner's answer. */
export interface Ranking {
  /** `zero-shot`, or the name of a learned file. */
  name: string;
  method: Method;
  /** Most probable first; empty if there is a problem. */
  classes: ClassProbability[];
  /** Why this learner cannot answer for these classes. */
  problem: string | null;
}

export interface ClassProbability {
  class: string;
  /** Between 0 and 1. */
  probability: number;
}

export interface ModelInfo {
  image_encoder: string;
  /** Side of the square input, in pixels. */
  image_side: number;
  embed_dim: number;
  context_length: number;
  fingerprint: string;
  /** Threads that compute with it. */
  threads: number;
}

export interface LearnedInfo {
  name: string;
  method: Method;
  /** Number of context vectors. */
  n_ctx: number;
  class_specific: boolean;
  /** Where the class name stands among the context vectors. */
  class_token_position: "front" | "middle" | "end" | { after: number };
  /** The words that the context started from, or the prompt of an adapter. */
  template: string | null;
  /** The classes it was learned on. */
  class_names: string[];
  /** Training images of each class; `null` means all of them. */
  shots: number | null;
}

/** What went wrong; `hint` is the next thing to try. */
export class ClipwrightError extends Error {
  constructor(message: string, hint?: string);
  readonly hint?: string;
}
