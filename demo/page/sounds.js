"use strict";
/* Sounds of the versions: each is read and decoded once, when it is first asked for. */

const awaited = new Map(); /* scripts that are on their way */
const sounds = new Map(); /* by script, as a promise of its samples */

/* Called by the script of a sound. */
function deliver(script, text) {
  awaited.get(script)?.(text);
  awaited.delete(script);
}

function soundOf(script, rate) {
  if (!sounds.has(script)) {
    const sound = textOf(script).then((text) => {
      const letters = atob(text);
      const bytes = new Uint8Array(letters.length);
      for (let i = 0; i < letters.length; i += 1) {
        bytes[i] = letters.charCodeAt(i);
      }
      return new OfflineAudioContext(1, 1, rate).decodeAudioData(bytes.buffer);
    });
    sounds.set(script, sound);
    sound.catch(() => sounds.delete(script)); /* so that it can be asked for again */
  }
  return sounds.get(script);
}

/* A page opened from a folder may not read files, but it may run scripts that lie beside it. */
function textOf(script) {
  return new Promise((resolve, reject) => {
    const element = document.createElement("script");
    element.src = script;
    element.onload = () => element.remove();
    element.onerror = () => {
      element.remove();
      reject(new Error(`${script} cannot be loaded; keep the folder of this page together`));
    };
    awaited.set(script, resolve);
    document.head.append(element);
  });
}

/* Forgets all sounds but these. */
function keepSounds(scripts) {
  for (const script of sounds.keys()) {
    if (!scripts.includes(script)) {
      sounds.delete(script);
    }
  }
}
