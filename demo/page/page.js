"use strict";
/* The page: what is shown and what keys and fingers do. Sounds are in player.js, votes in votes.js. */

const data = JSON.parse(document.getElementById("data").textContent);
const player = new Player();
const votes = new Votes(data.id);
const seed = new URLSearchParams(location.search).get("seed");
const random = randomFrom(seed === null ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed));
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const SCALE = ["bad", "poor", "fair", "good", "excellent"];
const MARKS_HZ = [5000, 10000, 15000, 20000];
const CALM_MS = 250;
const DRAG_PX = 8;
const LAST_KEY = 9; /* versions beyond are reached by the arrows */

let excerpt = data.excerpts[0];
let blind = false;
let slots = []; /* what can be chosen: {position, label, index of the version, rating or null} */
let chosen = 0; /* a slot */
let loading = null;

const at = (id) => document.getElementById(id);
const say = (text) => (at("status").textContent = text);
const seconds = (samples) => samples / excerpt.sample_rate;

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* ---- sounds ---- */

const awaited = new Map();

/* Called by the script of a sound. */
function deliver(name, text) {
  awaited.get(name)?.(text);
  awaited.delete(name);
}

function soundOf(version) {
  return new Promise((resolve, reject) => {
    const script = element("script", { src: version.script });
    awaited.set(`${excerpt.id}/${version.id}`, resolve);
    script.onload = () => script.remove();
    script.onerror = () => reject(new Error(`${version.script} cannot be loaded`));
    document.head.append(script);
  }).then((text) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    return new OfflineAudioContext(1, 1, excerpt.sample_rate).decodeAudioData(bytes.buffer);
  });
}

function load() {
  const wanted = excerpt;
  loading ??= Promise.all(excerpt.versions.map(soundOf)).then((buffers) => {
    if (wanted === excerpt) {
      const { from, first, last } = player;
      player.setBuffers(buffers);
      Object.assign(player, { from, first, last: Math.min(last, buffers[0].length) });
    }
  });
  return loading;
}

async function toggle() {
  if (player.playing) {
    player.stop();
    shown();
    say(`Stopped at ${seconds(player.position()).toFixed(1)} s`);
    return;
  }
  const wanted = excerpt;
  try {
    say("Loading the sounds");
    await load();
    if (wanted === excerpt && !player.playing) {
      await player.play();
      say(`Playing ${slots[chosen].label}`);
      follow();
    }
  } catch (error) {
    if (wanted === excerpt) {
      loading = null;
    }
    say(`The sounds cannot be played: ${error.message}`);
  }
  shown();
}

function choose(slot) {
  chosen = slot;
  player.choose(slots[slot].index);
  at("versions").querySelectorAll("input[type=radio]")[slot].checked = true;
  at("pictures").querySelectorAll("img").forEach((img, i) => (img.hidden = i !== slots[slot].index));
  at("figures").querySelectorAll("tbody tr").forEach((row, i) => row.classList.toggle("heard", i === slots[slot].index));
  say(`${player.playing ? "Playing" : "Chosen:"} ${slots[slot].label}`);
}

/* ---- what is shown ---- */

let following = 0;
let drawn = 0;

function follow(now = 0) {
  cancelAnimationFrame(following);
  if (player.playing) {
    if (!calm.matches || now - drawn > CALM_MS) {
      drawn = now;
      shown();
    }
    following = requestAnimationFrame(follow);
  }
}

function shown() {
  const place = seconds(player.position());
  const percent = (samples) => `${(100 * samples) / excerpt.samples}%`;
  at("play").textContent = player.playing ? "Stop" : "Play";
  at("time").textContent = `${place.toFixed(1)} of ${seconds(excerpt.samples).toFixed(1)} s`;
  at("position").value = place;
  at("position").setAttribute("aria-valuetext", at("time").textContent);
  at("playhead").style.left = percent(player.position());
  at("region").style.left = percent(player.first);
  at("region").style.width = percent(player.last - player.first);
  at("region").hidden = player.last - player.first >= excerpt.samples;
}

function showExcerpt() {
  player.setBuffers([], excerpt.samples);
  loading = null;
  at("position").max = seconds(excerpt.samples);
  const left = excerpt.note ? `${excerpt.regime} (${excerpt.note})` : excerpt.regime;
  at("condition").textContent = `Condition ${excerpt.condition}, cut off at ${hertz(excerpt.cutoff_hz)}: ${left}.`;
  const height = (f_hz) => `${(200 * f_hz) / excerpt.sample_rate}%`;
  const marks = MARKS_HZ.filter((mark) => Math.abs(mark - excerpt.cutoff_hz) > 1000);
  at("scale").replaceChildren(...marks.map((mark) => element("span", { textContent: hertz(mark, 0) })));
  at("scale").childNodes.forEach((span, i) => (span.style.bottom = height(marks[i])));
  at("cutoff").style.bottom = height(excerpt.cutoff_hz);
  at("cutoff").classList.toggle("high", excerpt.cutoff_hz > 0.4 * excerpt.sample_rate);
  at("cutoff").firstChild.textContent = `cutoff ${hertz(excerpt.cutoff_hz)}`;
  at("pictures").replaceChildren(...excerpt.versions.map((version) => element("img", {
    src: version.picture,
    alt: `Spectrogram, ${version.label}; the cutoff is at ${hertz(excerpt.cutoff_hz)}`,
  })));
  at("figures").querySelector("tbody").replaceChildren(...excerpt.versions.map(figuresOf));
  showVersions();
}

const hertz = (value, digits = 1) => `${(value / 1000).toFixed(digits)} kHz`;

function figuresOf(version) {
  const cell = (key, digits) => {
    const value = version.figures?.[key] ?? null;
    return element("td", { textContent: value === null ? "–" : value.toFixed(digits) });
  };
  const name = element("th", { scope: "row" }, element("a", { href: version.sound, textContent: version.label }));
  return element("tr", {}, name, cell("sdr_db", 1), cell("lsd", 2), cell("lsd_hf", 2));
}

/* Begins a comparison, or a trial of the blind test in an order of its own. */
function showVersions() {
  const { versions } = excerpt;
  const anchor = versions.map((version) => version.role === "anchor");
  slots = blind
    ? shuffled(versions.length, random).map((index, i) => ({
        position: i + 1, label: String.fromCharCode(65 + i), index, rating: null,
      }))
    : versions.map((version, index) => ({ position: index + 1, label: version.label, index })).filter(
        ({ index }) => !anchor[index],
      );
  if (blind) {
    const index = versions.findIndex((version) => version.role === "reference");
    slots.unshift({ position: 0, label: "Reference", index });
  }
  at("figures").querySelectorAll("tbody tr").forEach((row, i) => (row.hidden = anchor[i] && !blind));
  at("blind").setAttribute("aria-pressed", blind);
  at("task").hidden = at("ballot").hidden = !blind;
  for (const id of ["figures", "spectrogram"]) {
    at(id).classList.toggle("secret", blind);
  }
  at("vote").disabled = false;
  at("versions").replaceChildren(...slots.map(rowOf));
  choose(blind ? 0 : Math.max(0, slots.findIndex((slot) => slot.index === player.chosen)));
  shown();
}

function rowOf(slot, i) {
  const radio = element("input", { type: "radio", name: "version", value: String(i) });
  radio.addEventListener("change", () => choose(i));
  const key = element("kbd", { textContent: slot.position, hidden: slot.position > LAST_KEY });
  const row = element("div", { className: "version" }, element("label", {}, radio, key, slot.label));
  if ("rating" in slot) {
    const slider = element("input", { type: "range", min: 0, max: 100, value: 50 });
    const value = element("span", { className: "value", textContent: "not rated" });
    slider.setAttribute("aria-label", `Rating of ${slot.label}`);
    slider.setAttribute("aria-valuetext", "not rated");
    slider.addEventListener("input", () => {
      slot.rating = Number(slider.value);
      value.textContent = `${slot.rating}, ${SCALE[Math.min(4, Math.floor(slot.rating / 20))]}`;
      slider.setAttribute("aria-valuetext", value.textContent);
    });
    row.append(slider, value);
  }
  return row;
}

/* ---- the blind test ---- */

function vote() {
  const rated = slots.filter((slot) => "rating" in slot);
  const missing = rated.filter((slot) => slot.rating === null).map((slot) => slot.label);
  if (missing.length) {
    say(`Rate ${missing.join(", ")} first`);
    return;
  }
  const timestamp = new Date().toISOString();
  votes.add(rated.map((slot) => ({
    excerpt: excerpt.id, condition: excerpt.condition, version: excerpt.versions[slot.index].id,
    rating: slot.rating, position: slot.position, timestamp,
  })));
  at("next").focus();
  at("vote").disabled = true;
  at("versions").querySelectorAll(".version").forEach((row, i) => {
    row.querySelectorAll("input[type=range]").forEach((slider) => (slider.disabled = true));
    slots[i].label += `: ${excerpt.versions[slots[i].index].label}`;
    row.querySelector("label").lastChild.textContent = slots[i].label;
  });
  at("figures").classList.remove("secret");
  at("spectrogram").classList.remove("secret");
  showVotes();
  say("Voted; the names are shown");
}

function showVotes() {
  const where = votes.lasting ? "kept in this browser" : "kept until this page is closed; save them before";
  at("kept").textContent = `${votes.rows.length} ratings, ${where}.`;
}

function exportVotes() {
  const url = URL.createObjectURL(new Blob([csv(votes.rows)], { type: "text/csv" }));
  element("a", { href: url, download: `tfbwe-votes-${votes.kept.session}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function reset() {
  if (confirm(`Delete ${votes.rows.length} ratings from this browser?`)) {
    votes.reset();
    showVotes();
  }
}

function take(index) {
  excerpt = data.excerpts[index];
  at("excerpt").value = String(index);
  showExcerpt();
}
