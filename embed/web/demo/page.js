import { Player } from '/src/index.js';
import { lowPass, lowPassKernel } from './lowpass.js';
import { Spectrogram, TOP_HZ } from './spectrogram.js';

const WASM = '/node_modules/@litertjs/core/wasm/';
const MODELS = { 1: '/models/stft-mono.tflite', 2: '/models/stft-stereo.tflite' };
const CUT_HZ = 8000;
const CLIP = '/data/clip.flac';
const at = (id) => document.getElementById(id);

const context = new AudioContext({ sampleRate: 44100 });
const analyser = new AnalyserNode(context, { fftSize: 2048, smoothingTimeConstant: 0 });
analyser.connect(context.destination);
const spectrogram = new Spectrogram(at('spectrogram'), analyser);
const filter = lowPass(context, Number(at('cutoff').value));
let player;
let ownModel;
let music;
let source;
let playing = false;
/** Whether the reader has set the cutoff. */
let chosen = false;
/** Loading goes one after the other, so that a quick second choice wins. */
let queue = Promise.resolve();

function say(text) {
  at('status').textContent = text;
}

function fail(error) {
  at('error').textContent = error.message;
  at('error').hidden = false;
  say('');
}

/** Do something that takes a while; an error is shown. */
function load(text, job) {
  queue = queue.then(async () => {
    at('error').hidden = true;
    say(text);
    try {
      await job();
      say('');
    } catch (error) {
      fail(error);
    }
    at('play').disabled = !(music && player);
  });
  return queue;
}

async function takeMusic(name, bytes) {
  const decoded = await context.decodeAudioData(bytes).catch(() => {
    throw new Error(`${name}: this browser cannot read it as sound`);
  });
  music = decoded;
  const channels = Math.min(2, music.numberOfChannels);
  at('song').textContent = `${name}, ${music.duration.toFixed(0)} s, ${channels === 1 ? 'mono' : 'stereo'}`;
  // A graph is made for a number of channels; one of the reader's own stays, and the browser mixes for it.
  if (!player || (!ownModel && player.channels !== channels)) await takeModel(ownModel ?? MODELS[channels]);
  restart();
}

async function takeModel(model) {
  const made = await Player.create({ context, model, wasm: WASM, onError: fail });
  player?.close();
  player = made;
  player.node.connect(analyser);
  [at('cutoff').min, at('cutoff').max] = player.manifest.cutoff_range_hz;
  takeCutoff();
  restart();
}

/** Start the music anew from its begin. */
function restart() {
  source?.disconnect();
  source?.stop();
  source = undefined;
  if (!music || !player) return;
  source = new AudioBufferSourceNode(context, { buffer: music, loop: true });
  source.start();
  wire();
}

function wire() {
  if (!source) return;
  source.disconnect();
  filter.disconnect();
  source.connect(at('cut').checked ? filter : player.node);
  if (at('cut').checked) filter.connect(player.node);
}

/** The cutoff, where the reader has set none, and where it comes from. */
function takeCutoff() {
  let from = chosen ? 'Set by you.' : '';
  if (!chosen && at('cut').checked) {
    at('cutoff').value = CUT_HZ;
    from = 'Chosen by this page, which cuts the music there.';
  } else if (!chosen && player) {
    at('cutoff').value = player.manifest.graph.default_cutoff_hz;
    from = "The model's default, for music of which nobody says where its band ends.";
  }
  at('cutoff-source').textContent = from;
  settings();
}

function settings() {
  const cutoffHz = Number(at('cutoff').value);
  const diffuse = Number(at('diffuse').value);
  at('cutoff-text').textContent = `${Number((cutoffHz / 1000).toFixed(3))} kHz`;
  at('diffuse-text').textContent = diffuse.toFixed(2);
  at('line').style.top = `${100 * (1 - cutoffHz / TOP_HZ)}%`;
  if (!player) return;
  player.cutoffHz = cutoffHz;
  player.diffuse = diffuse;
  player.extended = document.querySelector('[name=heard]:checked').value === 'extended';
}

function showStats() {
  if (!player) return;
  const { hops, medianMs, p99Ms, hopMs, underruns } = player.stats();
  const time = (ms) => (hops ? `${ms.toFixed(2)} ms, ${((100 * ms) / hopMs).toFixed(1)} % of ${hopMs.toFixed(1)}` : '–');
  at('median').textContent = time(medianMs);
  at('p99').textContent = time(p99Ms);
  at('underruns').textContent = underruns;
  at('latency').textContent = `${player.latency} samples, ${((1000 * player.latency) / 44100).toFixed(0)} ms`;
}

async function toggle() {
  playing = !playing;
  at('play').textContent = playing ? 'Pause' : 'Play';
  await (playing ? context.resume() : context.suspend());
  if (playing) requestAnimationFrame(draw);
}

function draw() {
  if (!playing) return;
  spectrogram.draw();
  requestAnimationFrame(draw);
}

function takeFile(file) {
  if (file) load(`Reading ${file.name} …`, async () => takeMusic(file.name, await file.arrayBuffer()));
}

async function fetchClip() {
  const response = await fetch(CLIP);
  if (!response.ok) throw new Error(`${CLIP}: HTTP status ${response.status}`);
  await takeMusic('The clip', await response.arrayBuffer());
}

at('clip').onclick = () => load('Loading the clip and the model …', fetchClip);
at('file').onchange = () => takeFile(at('file').files[0]);
at('model').onchange = () => {
  const [file] = at('model').files;
  if (!file) return;
  load(`Loading ${file.name} …`, async () => {
    const bytes = await file.arrayBuffer();
    await takeModel(bytes);
    ownModel = bytes;
  });
};
at('play').onclick = toggle;
at('cut').onchange = () => {
  takeCutoff();
  wire();
};
for (const input of document.querySelectorAll('[name=heard], #diffuse')) input.oninput = settings;
at('cutoff').oninput = () => {
  chosen = true;
  takeCutoff();
  filter.buffer = lowPassKernel(context, Number(at('cutoff').value));
};
at('drop').ondragover = (event) => {
  event.preventDefault();
  at('drop').classList.add('over');
};
at('drop').ondragleave = () => at('drop').classList.remove('over');
at('drop').ondrop = (event) => {
  event.preventDefault();
  at('drop').classList.remove('over');
  takeFile(event.dataTransfer.files[0]);
};

for (const kilohertz of [4, 8, 12, 16]) {
  const mark = document.createElement('span');
  mark.textContent = `${kilohertz} kHz`;
  mark.style.top = `${100 * (1 - (1000 * kilohertz) / TOP_HZ)}%`;
  at('axis').append(mark);
}
context.suspend();
takeCutoff();
setInterval(showStats, 500);
