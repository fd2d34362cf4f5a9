/** A headless Chromium for tests and measurements: the one that CHROMIUM names, else /usr/bin/chromium. */

import { existsSync } from 'node:fs';

const SWITCHES = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--mute-audio',
  '--autoplay-policy=no-user-gesture-required',
];

/** Start it; an error if it or a package is missing. */
export async function launch() {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) throw new Error(`no such file: ${executablePath}; name a Chromium in CHROMIUM`);
  const litert = new URL('node_modules/@litertjs/core/package.json', import.meta.url);
  const playwright = existsSync(litert) && (await import('playwright-core').catch(() => null));
  if (!playwright) throw new Error('packages are missing; run npm ci in embed/web');
  return playwright.chromium.launch({ executablePath, args: SWITCHES });
}
