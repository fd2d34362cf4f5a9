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

/* One run of all versions from one place, repeating a region of samples [first, last). Versions may join while it
   plays: they begin on a sample of the others, at their place. Each has a gain of its own while it is heard. */
class Take {
  constructor(context, { samples, rate, gains, when, offset, first, last }) {
    Object.assign(this, { context, rate, gains, when, offset, first, last });
    this.faders = [];
    this.sources = [];
    this.whole = new Fader(context, 0);
    this.edges = context.createGain();
    this.edges.gain.value = 0;
    this.edges.connect(this.whole.node);
    this.source(edgesOf(context, samples, rate, first, last), when).connect(this.edges.gain);
    this.whole.moveTo(1, when);
  }

  /* Starts a version with the others, or, if they play already, in step with them, not before a time. */
  add(index, buffer, heard, time = this.when) {
    this.faders[index] = new Fader(this.context, heard ? this.gains[index] : 0);
    this.source(buffer, time).connect(this.faders[index].node).connect(this.edges);
  }

  source(buffer, time) {
    const past = Math.max(0, Math.ceil((time - this.when) * this.rate));
    const source = this.context.createBufferSource();
    source.buffer = buffer;
    source.loop = true;
    source.loopStart = this.first / this.rate;
    source.loopEnd = this.last / this.rate;
    source.start(this.when + past / this.rate, this.place(past) / this.rate);
    this.sources.push(source);
    return source;
  }

  /* The sample that is heard when a number of them has passed. */
  place(past) {
    const place = this.offset + past;
    return place < this.last ? place : this.first + ((place - this.first) % (this.last - this.first));
  }

  connect(destination) {
    this.whole.node.connect(destination);
    return this;
  }

  choose(chosen, when) {
    this.faders.forEach((fader, i) => fader.moveTo(i === chosen ? this.gains[i] : 0, when));
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
    this.chosen = 0; /* the version that is wanted */
    this.heard = 0; /* and the one that is heard until the wanted one is there */
    this.setExcerpt(0, 44100, []);
  }

  get playing() {
    return this.take !== null;
  }

  /* Takes other music, of which no version is there yet, only its gain; what plays stops. */
  setExcerpt(samples, rate, gains) {
    this.stop();
    Object.assign(this, { samples, rate, gains });
    this.buffers = [];
    this.first = 0;
    this.last = samples;
    this.from = 0; /* sample at which the take began, or at which the next one will */
  }

  has(index) {
    return index in this.buffers;
  }

  /* Takes the sound of a version, which joins what plays. */
  add(index, buffer) {
    if (this.has(index)) {
      return;
    }
    this.buffers[index] = buffer;
    if (this.playing) {
      this.take.add(index, buffer, false, this.soon());
    }
    if (index === this.chosen) {
      this.choose(index);
    }
  }

  /* The sample that is heard now. */
  position() {
    return this.playing
      ? this.take.place(Math.max(0, this.context.currentTime - this.take.when) * this.rate)
      : this.from;
  }

  soon() {
    return Math.ceil((this.context.currentTime + LEAD_S) * this.rate) / this.rate;
  }

  /* Lets the browser make sounds; it does so only for a finger or a key. */
  wake() {
    this.context ??= new AudioContext({ sampleRate: this.rate, latencyHint: "interactive" });
    return this.context.resume();
  }

  /* Plays from where it stopped, or from another place; the version that is chosen must be there. */
  play(offset = this.from) {
    const when = this.soon();
    const { samples, rate, gains, first, last } = this;
    this.take?.stop(when);
    this.from = offset >= first && offset < last ? Math.round(offset) : first;
    this.heard = this.has(this.chosen) ? this.chosen : this.heard;
    this.take = new Take(this.context, { samples, rate, gains, when, offset: this.from, first, last });
    this.buffers.forEach((buffer, index) => this.take.add(index, buffer, index === this.heard));
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
      this.play(place);
    } else {
      this.from = place;
    }
  }

  /* Switches to a version; one that is not there yet is heard as soon as it is. */
  choose(index) {
    this.chosen = index;
    if (this.has(index)) {
      this.heard = index;
      this.take?.choose(index, this.soon());
    }
  }

  /* Repeats samples [first, last); a region that is too short grows. */
  repeat(first, last) {
    const shortest = Math.min(this.samples, Math.round(SHORTEST_LOOP_S * this.rate));
    const place = this.position();
    this.first = Math.round(Math.min(Math.max(0, first), this.samples - shortest));
    this.last = Math.round(Math.min(Math.max(last, this.first + shortest), this.samples));
    this.seek(place >= this.first && place < this.last ? place : this.first);
  }
}
