/**
 * What a hop costs in headless Chromium: node benchmark.mjs MODEL..., one line of JSON for each model file.
 *
 * Each model extends 30 s of made-up music, cut off at 8 kHz, in a Worker, as fast as it goes.
 */

import { existsSync } from 'node:fs';
import { readFile, realpath } from 'node:fs/promises';
import path from 'node:path';
import { launch } from './browser.mjs';
import { serve } from './serve.mjs';

const SAMPLE_RATE = 44100;

async function main() {
  const names = process.argv.slice(2);
  if (!names.length) throw new Error('name one or more model files');
  for (const name of names) if (!existsSync(name)) throw new Error(`no such file: ${name}`);
  const files = await Promise.all(names.map((name) => realpath(name)));
  const browser = await launch();
  const folders = files.map((file, i) => [`/measured/${i}/`, path.dirname(file)]);
  const server = await serve({ mounts: Object.fromEntries(folders) });
  try {
    const runtime = `wasm, LiteRT.js ${await litertVersion()}, Chromium ${browser.version()}`;
    for (const [i, file] of files.entries()) {
      const address = `${server.address}/measured/${i}/${encodeURIComponent(path.basename(file))}`;
      const said = await measured(browser, server.address, address).catch((error) => {
        throw new Error(error.message.replace(/^.*?Error: /, '').replace(address, names[i]));
      });
      console.log(JSON.stringify(summary(runtime, said)));
    }
  } finally {
    await browser.close();
    await server.close();
  }
}

async function measured(browser, server, model) {
  const page = await browser.newPage();
  try {
    await page.goto(`${server}/bench/`);
    return await page.evaluate(async (address) => (await import('/bench/bench.js')).measure(address), model);
  } finally {
    await page.close();
  }
}

async function litertVersion() {
  const about = new URL('node_modules/@litertjs/core/package.json', import.meta.url);
  return JSON.parse(await readFile(about, 'utf8')).version;
}

/** `rtf` and `hop_rtf`: mean time of a hop over its duration. The browser does not say what memory a Worker takes. */
function summary(runtime, { channels, hopLength, times }) {
  const sorted = [...times].sort((a, b) => a - b);
  const rounded = (value) => Number(value.toFixed(4));
  const at = (part) => rounded(sorted[Math.floor(part * (sorted.length - 1))]);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  const rtf = rounded(mean / ((1000 * hopLength) / SAMPLE_RATE));
  return { runtime, channels, hop_ms: at(0.5), hop_ms_p99: at(0.99), hop_rtf: rtf, rtf, peak_rss_mb: null };
}

try {
  await main();
} catch (error) {
  console.error(`benchmark.mjs: ${error.message.split('\n')[0]}`);
  process.exitCode = 1;
}
