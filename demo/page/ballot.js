"use strict";
/* The blind test: versions by letters, ratings, the vote. */

const votes = new Votes(data.id);
const seed = new URLSearchParams(location.search).get("seed");
const random = randomFrom(seed === null ? crypto.getRandomValues(new Uint32Array(1))[0] : Number(seed));
const SCALE = ["bad", "poor", "fair", "good", "excellent"];

/* The reference, and all versions in random order. */
function blindSlots() {
  const { versions } = excerpt;
  const lettered = shuffled(versions.length, random).map((index, i) => ({
    position: i + 1, label: String.fromCharCode(65 + i), index, rating: null,
  }));
  at("ratings").replaceChildren(...lettered.map(ratingOf));
  at("vote").disabled = false;
  const index = versions.findIndex((version) => version.role === "reference");
  return [{ position: 0, label: "Reference", index }, ...lettered];
}

function ratingOf(slot) {
  const slider = element("input", { type: "range", min: 0, max: 100, value: 50 });
  const value = element("span", { className: "value", textContent: "not rated" });
  slider.setAttribute("aria-label", `Rating of ${slot.label}`);
  slider.setAttribute("aria-valuetext", "not rated");
  slider.addEventListener("input", () => {
    slot.rating = Number(slider.value);
    value.textContent = `${slot.rating}, ${SCALE[Math.min(4, Math.floor(slot.rating / 20))]}`;
    slider.setAttribute("aria-valuetext", value.textContent);
  });
  return element("div", { className: "rating" }, element("strong", { textContent: slot.label }), slider, value);
}

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
  at("ratings").querySelectorAll("input").forEach((slider) => (slider.disabled = true));
  const names = at("versions").querySelectorAll(".name");
  const rows = at("ratings").querySelectorAll("strong");
  slots.forEach((slot, i) => {
    slot.label += `: ${labelOf(slot.index)}`;
    names[i].textContent = slot.label;
    if (i > 0) {
      rows[i - 1].textContent = slot.label;
    }
  });
  hideNames(false);
  showPictures();
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
