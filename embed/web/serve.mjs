/** Serves the page on loopback, with the headers that SharedArrayBuffer needs. */

import { createReadStream } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const MOUNTS = {
  '/demo/': path.join(HERE, 'demo'),
  '/src/': path.join(HERE, 'src'),
  '/bench/': path.join(HERE, 'bench'),
  '/node_modules/@litertjs/': path.join(HERE, 'node_modules', '@litertjs'),
  '/models/': path.join(HERE, '../../tfbwe/weights/wave'),
  '/data/': path.join(HERE, '../../tests/data'),
};
const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.md': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.flac': 'audio/flac',
};
const HEADERS = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-cache',
};
/** Browsers find no package by its name, and an import map does not reach a Worker: names become paths here. */
const PACKAGE = /(from\s*["'])(@litertjs\/[\w-]+)(["'])/g;

/**
 * Start the server.
 *
 * @param {{port?: number, mounts?: Record<string, string>}} options more folders by the path they appear under
 * @returns {Promise<{address: string, close: () => Promise<void>}>}
 */
export async function serve({ port = 0, mounts = {} } = {}) {
  const all = { ...MOUNTS, ...mounts };
  const server = createServer((request, response) => {
    answer(all, request, response).catch(() => refuse(response, 500, 'it failed'));
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { address: `http://127.0.0.1:${server.address().port}`, close };
}

async function answer(mounts, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'only GET');
  if (request.url === '/') return response.writeHead(302, { ...HEADERS, Location: '/demo/' }).end();
  const file = await found(mounts, request.url);
  if (!file) return refuse(response, 404, 'no such file');
  const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
  const headers = { ...HEADERS, 'Content-Type': type };
  if (path.extname(file) === '.js') {
    const text = (await readFile(file, 'utf8')).replace(PACKAGE, '$1/node_modules/$2/dist/index.js$3');
    return response.writeHead(200, headers).end(text);
  }
  const { size } = await stat(file);
  response.writeHead(200, { ...headers, 'Content-Length': size });
  return request.method === 'HEAD' ? response.end() : createReadStream(file).pipe(response);
}

/** The file that an address names, or nothing if it is not one of the served folders'. */
async function found(mounts, url) {
  try {
    const asked = decodeURIComponent(url.split(/[?#]/)[0]);
    const prefix = Object.keys(mounts).find((mount) => asked.startsWith(mount));
    if (!prefix) return null;
    const root = await realpath(mounts[prefix]);
    // Links are followed before the check, so neither `..` nor a link leads out of the folder.
    const file = await realpath(path.join(root, asked.slice(prefix.length) || 'index.html'));
    const inside = file.startsWith(root + path.sep) && (await stat(file)).isFile();
    return inside ? file : null;
  } catch {
    return null;
  }
}

function refuse(response, status, text) {
  if (!response.headersSent) response.writeHead(status, { ...HEADERS, 'Content-Type': 'text/plain' });
  response.end(`${text}\n`);
}

if (process.argv[1] && import.meta.url === pathToFileURL(await realpath(process.argv[1])).href) {
  const port = Number(process.argv[2] ?? process.env.PORT ?? 8044);
  try {
    const { address } = await serve({ port });
    console.log(`${address}/demo/  (Ctrl-C ends it)`);
  } catch (error) {
    console.error(`serve.mjs: port ${port}: ${error.message}; name another one: npm start -- 8045`);
    process.exitCode = 1;
  }
}
