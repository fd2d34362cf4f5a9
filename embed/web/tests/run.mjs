/** Tests in headless Chromium: npm test -- FOLDER, which tests/vectors.py has written. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch } from '../browser.mjs';
import { serve } from '../serve.mjs';
import { cases } from './cases.mjs';

const HERE = path.dirname(fileURLToPath(import.meta.url));
async function main() {
  const vectors = path.resolve(process.argv[2] ?? path.join(HERE, '..', 'vectors'));
  const list = path.join(vectors, 'vectors.json');
  if (!existsSync(list)) throw new Error(`no such file: ${list}; README.md says how to make it`);
  const rows = JSON.parse(await readFile(list, 'utf8'));
  const weights = path.join(HERE, '../../../tfbwe/weights');
  const mounts = { '/vectors/': vectors, '/tests/': path.join(HERE, 'page'), '/weights/': weights };
  const browser = await launch();
  const server = await serve({ mounts });
  try {
    return await run(browser, server.address, rows);
  } finally {
    await browser.close();
    await server.close();
  }
}

async function run(browser, address, rows) {
  let failed = 0;
  for (const [name, test] of cases(rows)) {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const trouble = [];
    page.on('pageerror', (error) => trouble.push(error.message));
    page.on('crash', () => trouble.push('the page crashed'));
    try {
      const said = await test(page, address);
      assert.deepEqual(trouble, []);
      console.log(`ok      ${name}${said ? `: ${said}` : ''}`);
    } catch (error) {
      failed++;
      console.log(`FAILED  ${name}: ${error.message}`);
      for (const line of trouble) console.log(`        ${line}`);
    }
    await page.close();
  }
  console.log(failed ? `${failed} failed` : 'all passed');
  return failed;
}

try {
  process.exitCode = (await main()) ? 1 : 0;
} catch (error) {
  console.error(`tests: ${error.message}`);
  process.exitCode = 1;
}
