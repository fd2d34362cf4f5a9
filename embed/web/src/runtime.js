/** Loads LiteRT.js once, in a page or in a Worker. */

import { loadLiteRt } from '@litertjs/core';

let loading;

/**
 * @param {string|URL} wasm address of the folder `wasm` of the package @litertjs/core
 */
export function loadRuntime(wasm) {
  if (!wasm) throw new Error('wasm: expected the address of the folder wasm of @litertjs/core');
  loading ??= load(String(wasm).replace(/\/*$/, '/')).catch((error) => {
    loading = undefined; // so that a later call may try again
    throw new Error(`LiteRT does not load from ${wasm}: ${error?.message ?? error}`);
  });
  return loading;
}

async function load(folder) {
  if (typeof document === 'undefined') globalThis.importScripts = runScript;
  globalThis.Module = { locateFile: (file) => folder + file };
  return loadLiteRt(folder);
}

/**
 * LiteRT loads its script by `importScripts`, which a module Worker refuses. The stand-in reads and runs it
 * before it returns, as LiteRT expects; `import()` could not.
 */
function runScript(address) {
  const request = new XMLHttpRequest();
  request.open('GET', address, false);
  request.send();
  if (request.status !== 200) throw new Error(`${address}: HTTP status ${request.status}`);
  (0, eval)(request.responseText);
}
