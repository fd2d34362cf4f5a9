export { Decoder } from './decoder.js';
export { loadModel, ModelError } from './model.js';
export { Player } from './player.js';
