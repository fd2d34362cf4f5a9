/** A moving spectrogram of what an AnalyserNode hears. */

export const TOP_HZ = 20000;
const COLUMN = 2;
const [QUIET_DB, LOUD_DB] = [-105, -30];
const STOPS = [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]];

export class Spectrogram {
  #drawing;
  #analyser;
  #levels;
  #column;
  #place = 0;
  /** With little motion, columns replace old ones from left to right instead of pushing them. */
  #calm = matchMedia('(prefers-reduced-motion: reduce)');

  constructor(canvas, analyser) {
    this.#drawing = canvas.getContext('2d', { alpha: false });
    this.#analyser = analyser;
    this.#levels = new Float32Array(analyser.frequencyBinCount);
    this.#column = new ImageData(COLUMN, canvas.height);
  }

  /** Add what is heard now. */
  draw() {
    this.#analyser.getFloatFrequencyData(this.#levels);
    this.#paint();
    const { canvas } = this.#drawing;
    let at = canvas.width - COLUMN;
    if (this.#calm.matches) {
      at = this.#place;
      this.#place = (this.#place + COLUMN) % canvas.width;
    } else {
      this.#drawing.drawImage(canvas, -COLUMN, 0);
    }
    this.#drawing.putImageData(this.#column, at, 0);
  }

  #paint() {
    const { data, height } = this.#column;
    const top = (TOP_HZ / this.#analyser.context.sampleRate) * this.#analyser.fftSize;
    for (let y = 0; y < height; y++) {
      const first = Math.floor(((height - 1 - y) / height) * top);
      const last = Math.max(first + 1, Math.floor(((height - y) / height) * top));
      let level = -Infinity;
      for (let bin = first; bin < last; bin++) level = Math.max(level, this.#levels[bin]);
      const colour = shade((level - QUIET_DB) / (LOUD_DB - QUIET_DB));
      for (let x = 0; x < COLUMN; x++) data.set(colour, 4 * (y * COLUMN + x));
    }
  }
}

function shade(level) {
  const place = Math.max(0, Math.min(0.9999, level || 0)) * (STOPS.length - 1);
  const i = Math.floor(place);
  return [0, 1, 2].map((c) => STOPS[i][c] + (place - i) * (STOPS[i + 1][c] - STOPS[i][c])).concat(255);
}
