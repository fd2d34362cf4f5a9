/** The tests: [name, function of a page and the server's address], which may return what to print. */

import assert from 'node:assert/strict';
import http from 'node:http';

/** dB under the added band; quantised kernels of two processors round differently. */
const LIMIT_DB = { none: -100, dynamic: -40 };
const PLAY_S = 10;
const TRIES = 3;
const HELD_MS = 1000;

export function cases(rows) {
  return [
    ...rows.map(equalsPython),
    ['damaged and foreign model files are refused with a text', modelsAreRefused],
    ['bad signals and settings are refused, and the decoder goes on', badInput],
    ['without a cutoff it is the model\'s default', defaultCutoff],
    ['hops left out are as hops that were lost', leftOut],
    ['the player refuses what it cannot play', playerRefuses],
    ['the player puts out what the decoder does', recording],
    ['a Worker that is held up leaves out hops and recovers in step', heldUp],
    ['NaN in the music is an error, never a crash', notANumber],
    ...[1, 2].map(plays),
    ['the page plays, switches and shows the cost', pagePlays],
    ['the page says where the cutoff comes from', cutoffSource],
    ['the page shows errors', pageShowsErrors],
    ['the page works by keyboard alone', keyboard],
    ['the page fits 360 and 1280 pixels, light and dark', fits],
    ['the server isolates the page and serves nothing else', server],
  ];
}

/** Run a function of helpers.js in a page that has nothing else. */
async function helper(page, address, name, given) {
  await page.goto(`${address}/tests/`);
  return page.evaluate(
    async ([called, value]) => (await import('/tests/helpers.js'))[called](value), [name, given]);
}

function equalsPython(row) {
  const limit = LIMIT_DB[row.quantisation];
  return [`${row.model} at ${row.cutoff_hz} Hz equals Python's output`, async (page, address) => {
    const { db, again } = await helper(page, address, 'difference', row);
    assert.ok(db < limit, `${db.toFixed(1)} dB of the added band, expected under ${limit}`);
    assert.equal(again, 0, 'a second run differs from the first');
    return `${db.toFixed(1)} dB of the added band`;
  }];
}

function allSay(said, pattern = /expected|damaged|manifest|no such/) {
  for (const [name, text] of Object.entries(said)) assert.match(text, pattern, name);
  return `${Object.keys(said).length} cases`;
}

async function modelsAreRefused(page, address) {
  return allSay(await helper(page, address, 'refusals'));
}

async function badInput(page, address) {
  const { said, same, empty } = await helper(page, address, 'badInput');
  assert.ok(same && empty);
  return allSay(said, /expected|await it/);
}

async function playerRefuses(page, address) {
  return allSay(await helper(page, address, 'playerRefusals'), /expected|no such|does not load/);
}

async function defaultCutoff(page, address) {
  const { stated, difference, first, added } = await helper(page, address, 'defaultCutoff');
  assert.equal(difference, 0);
  assert.ok(first < 1e-6, `a decoder that was told nothing is ${first} off`);
  assert.ok(added > 0.001, `${added} was added`);
  return `${stated} Hz`;
}

async function leftOut(page, address) {
  const { difference, added } = await helper(page, address, 'leftOut');
  assert.equal(difference, 0);
  assert.ok(added > 0.001, `${added} was added`);
}

/** A machine that does other things too may stop the browser for a while: one of some tries must succeed. */
async function tried(attempt) {
  for (let left = TRIES - 1; ; left--) {
    try {
      return await attempt();
    } catch (error) {
      if (!left) throw error;
    }
  }
}

function recording(page, address) {
  return tried(async () => {
    const { difference, added, underruns } = await helper(page, address, 'recorded');
    assert.ok(added > 0.001, `${added} was added`);
    assert.ok(difference < 1e-6, `largest difference ${difference}, ${underruns} blocks without high band`);
    return `largest sample added ${added.toFixed(3)}, largest difference ${difference}`;
  });
}

function heldUp(page, address) {
  return tried(async () => {
    const done = helper(page, address, 'heldUp');
    await page.waitForFunction(() => globalThis.playing);
    await page.waitForTimeout(2000);
    await page.workers()[0].evaluate((ms) => {
      for (const end = performance.now() + ms; performance.now() < end; );
    }, HELD_MS);
    const { difference, added, seconds, rest, errors, underruns, skippedHops } = await done;
    assert.deepEqual(errors, []);
    assert.ok(skippedHops > 20 && skippedHops < HELD_MS / 11, `${skippedHops} hops left out`);
    assert.ok(underruns > 200, `${underruns} blocks without high band`);
    assert.ok(seconds > 0.7 * HELD_MS / 1000, `the received samples alone for ${seconds} s`);
    assert.ok(added > 0.001 && rest > 1, `${added} was added in the last ${rest} s`);
    assert.ok(difference < 1e-6, `largest difference after it ${difference}`);
    return `held up ${HELD_MS} ms: ${skippedHops} hops left out, ${seconds.toFixed(2)} s without high band, ` +
      `largest difference after it ${difference}`;
  });
}

async function notANumber(page, address) {
  const { errors, notFinite, hops } = await helper(page, address, 'play', { channels: 1, seconds: 2, nan: true });
  assert.match(errors[0], /NaN/);
  assert.ok(notFinite >= 10 && hops > 0);
}

function plays(channels) {
  return [`${channels === 1 ? 'mono' : 'stereo'} plays without underruns`, async (page, address) => {
    const late = [];
    let stats;
    do {
      stats = await helper(page, address, 'play', { channels, seconds: PLAY_S });
      assert.deepEqual(stats.errors, []);
      assert.ok(stats.hops > (0.8 * PLAY_S * 1000) / stats.hopMs, `${stats.hops} hops`);
      late.push(stats.underruns);
    } while (stats.underruns && late.length < TRIES);
    assert.equal(stats.underruns, 0, `blocks without high band: ${late.join(', ')}`);
    assert.equal(stats.skippedHops, 0);
    const part = (ms) => `${ms.toFixed(2)} ms (${((100 * ms) / stats.hopMs).toFixed(1)} %)`;
    const times = `median ${part(stats.medianMs)}, 99th percentile ${part(stats.p99Ms)}`;
    return `${stats.hops} hops, ${times}, underruns by try: ${late.join(', ')}`;
  }];
}

async function opened(page, address) {
  await page.goto(`${address}/demo/`);
  await page.click('#clip');
  await page.waitForSelector('#play:enabled');
}

/** Brightness of the newest columns of the spectrogram between two frequencies. */
function brightness(page, low, high) {
  return page.evaluate(([from, to]) => {
    const canvas = document.querySelector('canvas');
    const [top, bottom] = [to, from].map((hz) => Math.round(canvas.height * (1 - hz / 20000)));
    const { data } = canvas.getContext('2d').getImageData(canvas.width - 150, top, 150, bottom - top);
    return data.reduce((sum, value, i) => (i % 4 === 3 ? sum : sum + value), 0) / data.length;
  }, [low, high]);
}

async function pagePlays(page, address) {
  await opened(page, address);
  await page.click('#play');
  await page.waitForTimeout(4000);
  const extended = await brightness(page, 9000, 15000);
  await page.check('[value=received]');
  await page.waitForTimeout(2500);
  const received = await brightness(page, 9000, 15000);
  assert.ok(await brightness(page, 500, 6000) > 10, 'the received band is dark');
  assert.ok(extended > received + 0.3, `high band ${extended} extended, ${received} received`);
  assert.match(await page.textContent('#median'), /^[\d.]+ ms, [\d.]+ %/);
  assert.equal(await page.isHidden('#error'), true);
  return `${await page.textContent('#median')}, blocks without high band: ${await page.textContent('#underruns')}`;
}

async function cutoffSource(page, address) {
  await opened(page, address);
  const said = async () => [await page.textContent('#cutoff-text'), await page.textContent('#cutoff-source')].join(': ');
  assert.match(await said(), /^8 kHz: .*this page/);
  await page.uncheck('#cut');
  assert.match(await said(), /^11.025 kHz: The model's default/);
  await page.check('#cut');
  assert.match(await said(), /^8 kHz: .*this page/);
  await page.fill('#cutoff', '10000');
  await page.uncheck('#cut');
  assert.match(await said(), /^10 kHz: Set by you/);
}

async function pageShowsErrors(page, address) {
  await opened(page, address);
  const file = (name, text) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(text) });
  await page.setInputFiles('#file', file('letter.mp3', 'this is no music'));
  await page.waitForSelector('#error:visible');
  assert.match(await page.textContent('#error'), /letter\.mp3.*cannot read/);
  await page.click('summary');
  await page.setInputFiles('#model', file('broken.tflite', 'this is no model'));
  await page.waitForFunction(() => document.querySelector('#error').textContent.includes('manifest'));
  await page.click('#clip');
  await page.waitForSelector('#error', { state: 'hidden' });
  assert.equal(await page.isEnabled('#play'), true);
}

async function keyboard(page, address) {
  await page.goto(`${address}/demo/`);
  const tabTo = async (id) => {
    for (let i = 0; i < 20; i++) {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), id)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`${id} is not reached by Tab`);
  };
  await tabTo('#clip');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#play:enabled');
  await tabTo('#play');
  await page.keyboard.press('Space');
  assert.equal(await page.textContent('#play'), 'Pause');
  await tabTo('[name=heard]');
  await page.keyboard.press('ArrowLeft');
  assert.equal(await page.isChecked('[value=received]'), true);
  await tabTo('#cutoff');
  await page.keyboard.press('ArrowRight');
  assert.equal(await page.textContent('#cutoff-text'), '8.025 kHz');
  assert.match(await page.textContent('#cutoff-source'), /you/);
}

async function fits(page, address) {
  await page.goto(`${address}/demo/`);
  for (const width of [360, 1280]) {
    for (const colorScheme of ['light', 'dark']) {
      await page.setViewportSize({ width, height: 800 });
      await page.emulateMedia({ colorScheme });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${wide} pixels wide in ${width}`);
    }
  }
}

/** Status of a raw path, which fetch would tidy up. */
function status(address, path) {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(address);
    http.get({ hostname, port, path }, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers]);
    }).on('error', reject);
  });
}

async function server(page, address) {
  await page.goto(`${address}/demo/`);
  assert.equal(await page.evaluate(() => globalThis.crossOriginIsolated), true);
  const [found, headers] = await status(address, '/node_modules/@litertjs/core/wasm/litert_wasm_internal.wasm');
  assert.equal(found, 200);
  assert.equal(headers['content-type'], 'application/wasm');
  const outside = ['/demo/../package.json', '/demo/%2e%2e/package.json', '/demo/..%2fpackage.json', '/package.json',
    '/models/..%2f..%2f..%2fsetup.cfg', '/data//etc/passwd', '/demo/%00', '/demo/%zz', '/src/', '/serve.mjs'];
  for (const path of outside) assert.equal((await status(address, path))[0], 404, path);
}
