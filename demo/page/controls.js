"use strict";
/* What fingers, mouse and keys do; the last script, so it also begins. */

const repeat = (first, last) => {
  player.repeat(first, last);
  shown();
  const whole = player.last - player.first >= excerpt.samples;
  say(whole ? "Repeating all" : `Repeating ${seconds(player.first).toFixed(1)} to ${seconds(player.last).toFixed(1)} s`);
};
const seek = (samples) => {
  player.seek(samples);
  shown();
};

const ACTIONS = {
  " ": toggle,
  ArrowLeft: () => seek(player.position() - excerpt.sample_rate),
  ArrowRight: () => seek(player.position() + excerpt.sample_rate),
  Home: () => seek(player.first),
  "[": () => repeat(player.position(), player.last),
  "]": () => repeat(player.first, player.position()),
  Backspace: () => repeat(0, excerpt.samples),
};

/* Keys that the element in focus needs itself. */
function needs(target, key) {
  if (target.matches("select")) {
    return true;
  }
  if (key === " ") {
    return target.matches("button, a, summary, input[type=checkbox]");
  }
  return (key.startsWith("Arrow") || key === "Home") && target.matches("input[type=range]");
}

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (!at("keys").checked || event.ctrlKey || event.metaKey || event.altKey || needs(target, key)) {
    return;
  }
  const slot = slots.findIndex((one) => String(one.position) === key);
  if (slot >= 0) {
    event.preventDefault();
    choose(slot);
  } else if (key in ACTIONS) {
    event.preventDefault();
    ACTIONS[key]();
  }
});

at("play").addEventListener("click", toggle);
at("position").addEventListener("input", () => seek(at("position").value * excerpt.sample_rate));
at("loop-start").addEventListener("click", ACTIONS["["]);
at("loop-end").addEventListener("click", ACTIONS["]"]);
at("loop-all").addEventListener("click", ACTIONS.Backspace);
at("excerpt").addEventListener("change", () => take(Number(at("excerpt").value)));
at("blind").addEventListener("click", () => {
  blind = !blind;
  showVersions();
});
at("vote").addEventListener("click", vote);
at("next").addEventListener("click", () => take((data.excerpts.indexOf(excerpt) + 1) % data.excerpts.length));
at("export").addEventListener("click", exportVotes);
at("reset").addEventListener("click", reset);

/* On the pictures: tap to go there, drag to repeat a part. */
const DRAG_PX = 8;
const picture = at("spectrogram");
let pressed = null;
const placeOf = (event) => {
  const box = picture.getBoundingClientRect();
  return (Math.min(Math.max(0, event.clientX - box.left), box.width) / box.width) * excerpt.samples;
};

picture.addEventListener("pointerdown", (event) => {
  if (event.isPrimary && event.button === 0) {
    pressed = { x: event.clientX, place: placeOf(event) };
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  }
});
picture.addEventListener("pointerup", (event) => {
  if (pressed !== null && event.isPrimary) {
    const places = [pressed.place, placeOf(event)].sort((a, b) => a - b);
    if (Math.abs(event.clientX - pressed.x) < DRAG_PX) {
      seek(places[1]);
    } else {
      repeat(...places);
    }
    pressed = null;
  }
});
picture.addEventListener("pointercancel", () => (pressed = null));

const optionsOf = (title) => data.excerpts.flatMap((one, i) => one.title === title
  ? [element("option", { value: String(i), textContent: capital(one.words) })] : []);
const titles = [...new Set(data.excerpts.map((one) => one.title))];
at("excerpt").append(...titles.map((title) => element("optgroup", { label: title }, ...optionsOf(title))));
showVotes();
take(0);
