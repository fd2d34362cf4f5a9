"use strict";
/* The page: what is heard and shown. Sounds are in player.js and sounds.js, the blind test in ballot.js and votes.js. */

const data = JSON.parse(document.getElementById("data").textContent);
const player = new Player();
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MARKS_HZ = [5000, 10000, 15000, 20000];
const TICKS_S = [0.5, 1, 2, 5, 10];
const MOST_TICKS = 6;
const CALM_MS = 250;
const LAST_KEY = 9; /* versions beyond are reached by the arrows */

let excerpt = data.excerpts[0];
let blind = false;
let slots = []; /* what can be chosen: {position, label, index of the version, rating or null} */
let chosen = 0; /* a slot */
let wanted = null; /* the name of the version that was chosen last, in whatever music */
let after = 0; /* the version whose picture stands under the received one's */

const at = (id) => document.getElementById(id);
const say = (text) => (at("status").textContent = text);
const seconds = (samples) => samples / excerpt.sample_rate;
const hertz = (value) => `${Number((value / 1000).toFixed(2))} kHz`;
const indexOf = (id) => excerpt.versions.findIndex((version) => version.id === id);
const received = () => excerpt.versions.findIndex((version) => version.role === "received");

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/* ---- what is heard ---- */

/* Has a version loaded; it joins what plays. */
async function ready(index) {
  const asked = excerpt;
  const sound = await soundOf(asked.versions[index].script, asked.sample_rate);
  if (asked === excerpt) {
    player.add(index, sound);
  }
}

/* Has versions loaded one after the other, so that the first is there soon. */
async function prepare(indices) {
  const asked = excerpt;
  for (const index of indices) {
    try {
      await ready(index);
    } catch {
      /* said when it is chosen */
    }
    if (asked !== excerpt) {
      return;
    }
  }
}

async function toggle() {
  if (player.playing) {
    player.stop();
    shown();
    say(`Stopped at ${seconds(player.position()).toFixed(1)} s`);
    return;
  }
  const asked = excerpt;
  try {
    const awake = player.wake();
    while (!player.has(player.chosen)) {
      say(`Loading ${slots[chosen].label}`);
      await ready(player.chosen);
    }
    await awake;
    if (asked === excerpt && !player.playing) {
      player.play();
      say(`Playing ${slots[chosen].label}`);
      follow();
      prepare(slots.map((slot) => slot.index));
    }
  } catch (error) {
    say(`Cannot be played: ${error.message}`);
  }
  shown();
}

async function choose(slot) {
  chosen = slot;
  const asked = slots[slot];
  const { index, label } = asked;
  wanted = excerpt.versions[index].id;
  after = index === received() ? after : index;
  at("versions").querySelectorAll("input")[slot].checked = true;
  at("figures").querySelectorAll("tbody tr").forEach((row, i) => row.classList.toggle("heard", i === index));
  showPictures();
  player.choose(index);
  const there = player.has(index) || !player.playing;
  say(`${there ? (player.playing ? "Playing" : "Chosen:") : "Loading"} ${label}`);
  try {
    await ready(index);
    if (!there && asked === slots[chosen] && player.playing) {
      say(`Playing ${label}`);
    }
  } catch (error) {
    if (asked === slots[chosen]) {
      say(`Cannot be played: ${error.message}`);
    }
  }
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
  const set = (id, property, value) => {
    if (at(id)[property] !== value) {
      at(id)[property] = value;
    }
  };
  set("play", "textContent", player.playing ? "Stop" : "Play");
  set("time", "textContent", `${place.toFixed(1)} of ${seconds(excerpt.samples).toFixed(1)} s`);
  at("position").value = place;
  at("position").setAttribute("aria-valuetext", at("time").textContent);
  at("playhead").style.left = percent(player.position());
  at("region").style.left = percent(player.first);
  at("region").style.width = percent(player.last - player.first);
  at("region").hidden = player.last - player.first >= excerpt.samples;
}

function showExcerpt() {
  const gains = excerpt.versions.map((version) => 10 ** (version.match_db / 20));
  player.setExcerpt(excerpt.samples, excerpt.sample_rate, gains);
  keepSounds(excerpt.versions.map((version) => version.script));
  const left = excerpt.note ? `${excerpt.regime} (${excerpt.note})` : excerpt.regime;
  at("condition").textContent =
    `Condition ${excerpt.condition}, cutoff ${hertz(excerpt.cutoff_hz)}: ${left}.`;
  at("music").textContent = excerpt.title;
  at("position").max = seconds(excerpt.samples);
  at("ticks").replaceChildren(...ticks());
  after = indexOf(excerpt.advice[0].version);
  after = after === received() ? 0 : after;
  at("before").replaceChildren(...pictureOf(received()));
  at("after").replaceChildren(...excerpt.versions.flatMap((_, index) => pictureOf(index)));
  at("advice").replaceChildren(...excerpt.advice.map(({ who, version, why }) =>
    element("li", {}, element("strong", { textContent: `${who}: ${labelOf(indexOf(version))}.` }), ` ${capital(why)}.`)));
  if (excerpt.unchanged.length) {
    const same = `${excerpt.unchanged.join("; ")}: the same as Received here, sample by sample, and therefore not listed.`;
    at("advice").append(element("li", { textContent: same }));
  }
  at("figures").querySelector("tbody").replaceChildren(...excerpt.versions.map(figuresOf));
  at("loudness").textContent = loudness();
  showVersions();
}

const labelOf = (index) => excerpt.versions[index].label;
const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

function ticks() {
  const length = seconds(excerpt.samples);
  const step = TICKS_S.find((one) => length / one <= MOST_TICKS) ?? length / MOST_TICKS;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, i) => {
    const tick = element("span", { textContent: i ? `${Number((i * step).toFixed(1))}` : "0 s" });
    tick.style.left = `${(100 * i * step) / length}%`;
    tick.classList.toggle("end", i * step > 0.98 * length);
    return tick;
  });
}

/* A spectrogram, the frequencies beside it, and the cutoff. */
function pictureOf(index) {
  const { label, picture } = excerpt.versions[index];
  const height = (f_hz) => `${(200 * f_hz) / excerpt.sample_rate}%`;
  const alt = `Spectrogram, ${label}; the cutoff is at ${hertz(excerpt.cutoff_hz)}`;
  const image = element("img", { src: picture, alt });
  const marks = MARKS_HZ.filter((mark) => Math.abs(mark - excerpt.cutoff_hz) > 1500).map((mark) => {
    const span = element("span", { className: "mark", textContent: hertz(mark) });
    span.style.bottom = height(mark);
    return span;
  });
  const cutoff = element("div", { className: "cutoff" }, element("span", { textContent: `cutoff ${hertz(excerpt.cutoff_hz)}` }));
  cutoff.style.bottom = height(excerpt.cutoff_hz);
  cutoff.classList.toggle("high", excerpt.cutoff_hz > 0.4 * excerpt.sample_rate);
  const over = element("div", { className: "over" }, ...marks, cutoff);
  over.setAttribute("aria-hidden", "true");
  return [element("div", { className: "layers" }, image, over)];
}

/* Before above, after below; which of them is heard stands in its caption. */
function showPictures() {
  const index = slots[chosen].index;
  at("after").childNodes.forEach((layers, i) => (layers.hidden = i !== after));
  for (const [id, shownIndex] of [["before", received()], ["after", after]]) {
    const figure = at(id).parentElement;
    const role = excerpt.versions[shownIndex].role;
    const time = { received: "Before: ", model: "After: " }[role] ?? "";
    figure.classList.toggle("heard", index === shownIndex);
    figure.querySelector("figcaption").textContent =
      `${index === shownIndex ? "▶ " : ""}${time}${labelOf(shownIndex)}`;
  }
}

function figuresOf(version) {
  const cell = (key, digits) => {
    const value = version.figures?.[key] ?? null;
    return element("td", { textContent: value === null ? "–" : value.toFixed(digits) });
  };
  const name = element("th", { scope: "row" }, element("a", { href: version.sound, textContent: version.label }));
  return element("tr", {}, name, cell("sdr_db", 1), cell("lsd", 2), cell("lsd_hf", 2));
}

function loudness() {
  const found = excerpt.versions.filter((version) => version.loudness_lufs !== null);
  if (!found.length) {
    return "This is silence.";
  }
  const levels = found.map((version) => version.loudness_lufs + version.match_db);
  const apart = Math.max(...levels) - Math.min(...levels);
  const down = Math.max(...found.map((version) => -version.match_db));
  const rest = apart < 0.1 ? "" : ` More would be too much: the loudest is ${apart.toFixed(1)} dB above the quietest.`;
  return `All versions are played equally loud (ITU-R BS.1770): they are turned down by ${down.toFixed(2)} dB at most, to the
    quietest. The files are not.${rest}`;
}

/* Begins a comparison, or a trial of the blind test in an order of its own. */
function showVersions() {
  const anchor = excerpt.versions.map((version) => version.role === "anchor");
  slots = blind
    ? blindSlots()
    : excerpt.versions.map(({ label, hint }, index) => ({ position: index + 1, label, hint, index })).filter(
        ({ index }) => !anchor[index],
      );
  at("figures").querySelectorAll("tbody tr").forEach((row, i) => (row.hidden = anchor[i] && !blind));
  at("blind").setAttribute("aria-pressed", blind);
  at("ballot").hidden = !blind;
  hideNames(blind);
  at("versions").replaceChildren(...slots.map(slotOf));
  const again = slots.findIndex((slot) => excerpt.versions[slot.index].id === wanted);
  const first = slots.findIndex((slot) => slot.index === received());
  choose(blind ? 0 : again >= 0 ? again : first);
  prepare(blind || player.playing ? slots.map((slot) => slot.index) : [player.chosen, after]);
  shown();
}

/* Takes away, or gives back, all that would tell which version is which. */
function hideNames(secret) {
  for (const id of ["choice", "figures", "spectrogram"]) {
    at(id).classList.toggle("secret", secret);
  }
  at("versions").classList.toggle("letters", secret);
}

function slotOf(slot, i) {
  const radio = element("input", { type: "radio", name: "version", value: String(i) });
  radio.addEventListener("change", () => choose(i));
  const key = element("kbd", { textContent: slot.position, hidden: slot.position > LAST_KEY });
  key.setAttribute("aria-hidden", "true");
  const name = element("span", { className: "name", textContent: slot.label });
  const best = !blind && slot.index === indexOf(excerpt.advice[0].version);
  const hint = best ? "best to listen to" : slot.hint ?? "";
  const small = element("small", { textContent: hint, className: best ? "best" : "" });
  return element("label", {}, radio, element("span", { className: "words" }, name, " ", small), key);
}

function take(index) {
  excerpt = data.excerpts[index];
  at("excerpt").value = String(index);
  showExcerpt();
}
