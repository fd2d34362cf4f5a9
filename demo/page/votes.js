"use strict";
/* The blind test: random order from a seed, votes in the browser's own storage, a table of them as text. */

/* A session is one listener in one browser; position is that in the list, from 1. */
const COLUMNS = ["session", "page", "excerpt", "condition", "version", "rating", "position", "timestamp"];

/* Numbers in [0, 1), always the same ones for a seed: mulberry32. */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* 0 ... count - 1 in random order, each order as likely as the others: Fisher and Yates. */
function shuffled(count, random) {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

/* A table as RFC 4180 has it: a field with a comma, quote or line end in quotes. */
function csv(rows) {
  const field = (value) => {
    const text = String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))];
  return lines.map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

/* Votes of one page, kept where the browser allows it, else as long as the page is open. */
class Votes {
  constructor(page) {
    this.page = page;
    this.key = `tfbwe-votes-${page}`;
    this.lasting = true;
    this.kept = { session: newSession(), rows: [] };
    try {
      const kept = JSON.parse(localStorage.getItem(this.key));
      if (kept && typeof kept.session === "string" && Array.isArray(kept.rows)) {
        this.kept = kept;
      }
    } catch (error) {
      this.lasting = !(error instanceof DOMException); /* damaged text is replaced, a closed storage stays closed */
    }
  }

  get rows() {
    return this.kept.rows;
  }

  add(rows) {
    this.kept.rows.push(...rows.map((row) => ({ session: this.kept.session, page: this.page, ...row })));
    this.save();
  }

  reset() {
    this.kept = { session: newSession(), rows: [] };
    this.save();
  }

  save() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.kept));
    } catch {
      this.lasting = false;
    }
  }
}

function newSession() {
  return [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
