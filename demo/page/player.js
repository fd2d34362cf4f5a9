"use strict";
/* All versions of an excerpt, played together: which one is heard is a matter of gains alone. */

const RAMP_S = 0.01;
const LEAD_S = 0.02; /* what is asked of the audio clock lies this far ahead, so that no ramp starts late */
const SHORTEST_LOOP_S = 0.2;

/* Value of a ramp {from, to, start} at a time: linear, because versions are alike below the cutoff, and two gains
   that sum to one leave there what both have in common. */
function rampValue(ramp, time) {
  const part = Math.min(1, Math.max(0, (time - ramp.start) / RAMP_S));
  return ramp.from + (ramp.to - ramp.from) * part;
}

/* A gain that is only ever changed by ramps, also in the middle of one. */
class Fader {
  constructor(context, value) {
    this.node = context.createGain();
    this.node.gain.value = value;
    this.ramp = { from: value, to: value, start: 0 };
  }

  moveTo(value, when) {
    const from = rampValue(this.ramp, when);
    const gain = this.node.gain;
    gain.cancelScheduledValues(when); /* takes away all of a ramp that ends later, so its beginning comes back */
    if (this.ramp.start < when && when < this.ramp.start + RAMP_S) {
      gain.linearRampToValueAtTime(from, when);
    } else {
      gain.setValueAtTime(from, when);
    }
    gain.linearRampToValueAtTime(value, when + RAMP_S);
    this.ramp = { from, to: value, start: when };
  }
}

/* One run of all versions from one place, repeating a region of samples [first, last). */
class Take {
  constructor(context, buffers, { when, offset, first, last, chosen }) {
    const rate = buffers[0].sampleRate;
    this.faders = buffers.map((_, i) => new Fader(context, i === chosen ? 1 : 0));
    this.whole = new Fader(context, 0);
    this.edges = context.createGain();
    this.edges.gain.value = 0;
    this.edges.connect(this.whole.node);
    const edges = edgesOf(context, buffers[0].length, rate, first, last);
    this.sources = [...buffers, edges].map((buffer, i) => {
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.loop = true;
      source.loopStart = first / rate;
      source.loopEnd = last / rate;
      if (buffer === edges) {
        source.connect(this.edges.gain);
      } else {
        source.connect(this.faders[i].node).connect(this.edges);
      }
      source.start(when, offset / rate);
      return source;
    });
    this.whole.moveTo(1, when);
  }

  connect(destination) {
    this.whole.node.connect(destination);
    return this;
  }

  choose(chosen, when) {
    this.faders.forEach((fader, i) => fader.moveTo(i === chosen ? 1 : 0, when));
  }

  stop(when) {
    this.whole.moveTo(0, when);
    this.sources.forEach((source) => source.stop(when + 2 * RAMP_S));
    this.sources[0].onended = () => this.whole.node.disconnect();
  }
}

/* A gain for the region that is 0 at both ends, so that repeating it does not click either. */
function edgesOf(context, length, rate, first, last) {
  const buffer = context.createBuffer(1, length, rate);
  const gains = buffer.getChannelData(0);
  const ramp = Math.max(1, Math.round(RAMP_S * rate));
  for (let i = first; i < last; i += 1) {
    gains[i] = Math.min(1, (i - first) / ramp, (last - 1 - i) / ramp);
  }
  return buffer;
}

class Player {
  constructor() {
    this.context = null;
    this.take = null;
    this.chosen = 0;
    this.setBuffers([]);
  }

  get playing() {
    return this.take !== null;
  }

  get rate() {
    return this.buffers.length ? this.buffers[0].sampleRate : 44100;
  }

  /* Takes other sounds, or none; what plays stops. */
  setBuffers(buffers, samples = buffers.length ? buffers[0].length : 0) {
    this.stop();
    this.buffers = buffers;
    this.first = 0;
    this.last = samples;
    this.from = 0; /* sample at which the take began, or at which the next one will */
    this.since = 0; /* when it began, on the audio clock */
  }

  /* The sample that is heard now. */
  position() {
    if (!this.playing) {
      return this.from;
    }
    const run = Math.max(0, this.context.currentTime - this.since) * this.rate;
    const place = this.from + run;
    return place < this.last ? place : this.first + ((place - this.first) % (this.last - this.first));
  }

  async play() {
    this.context ??= new AudioContext({ sampleRate: this.rate });
    await this.context.resume();
    this.begin(this.from);
  }

  begin(offset) {
    const when = this.context.currentTime + LEAD_S;
    if (this.take) {
      this.take.stop(when);
    }
    this.from = offset >= this.first && offset < this.last ? Math.round(offset) : this.first;
    this.since = when;
    const { first, last, chosen, from } = this;
    this.take = new Take(this.context, this.buffers, { when, offset: from, first, last, chosen });
    this.take.connect(this.context.destination);
  }

  stop() {
    if (this.playing) {
      this.from = this.position();
      this.take.stop(this.context.currentTime + LEAD_S);
      this.take = null;
    }
  }

  seek(sample) {
    const place = Math.min(Math.max(sample, this.first), this.last - 1);
    if (this.playing) {
      this.begin(place);
    } else {
      this.from = place;
    }
  }

  choose(index) {
    this.chosen = index;
    if (this.playing) {
      this.take.choose(index, this.context.currentTime + LEAD_S);
    }
  }

  /* Repeats samples [first, last); a region that is too short grows. `samples` is the length of the excerpt. */
  repeat(first, last, samples) {
    const shortest = Math.min(samples, Math.round(SHORTEST_LOOP_S * this.rate));
    const place = this.position();
    this.first = Math.round(Math.min(Math.max(0, first), samples - shortest));
    this.last = Math.round(Math.min(Math.max(last, this.first + shortest), samples));
    this.seek(place >= this.first && place < this.last ? place : this.first);
  }
}
