// WAV, read as ser/inference/decoders/wav.py reads it, and written as floats.

import { Problem } from "./problem.js";

const BLOCK_BYTES = 2 ** 22;
const [PCM, FLOAT, A_LAW, MU_LAW, EXTENSIBLE] = [1, 3, 6, 7, 0xfffe];
const LARGEST = 0xffffffff; // the size that writers leave who do not know it, and RF64

// Format tag and bits: what reads a sample of a DataView
const DECODERS = {
  [`${PCM},8`]: (view, place) => (view.getUint8(place) - 128) / 2 ** 7,
  [`${PCM},16`]: (view, place) => view.getInt16(place, true) / 2 ** 15,
  [`${PCM},24`]: (view, place) => ((view.getUint16(place, true) << 8) | (view.getInt8(place + 2) << 24)) / 2 ** 31,
  [`${PCM},32`]: (view, place) => Math.fround(view.getInt32(place, true) / 2 ** 31),
  [`${FLOAT},32`]: (view, place) => view.getFloat32(place, true),
  [`${FLOAT},64`]: (view, place) => Math.fround(view.getFloat64(place, true)),
  [`${A_LAW},8`]: (view, place) => aLaw(view.getUint8(place)),
  [`${MU_LAW},8`]: (view, place) => muLaw(view.getUint8(place)),
};

/**
 * Reads the header of a File: {rateHz, channels, blocks}, or null where it is no WAV that is decoded here.
 *
 * blocks: an async generator of the mean of the channels, (time,). Throws a Problem where the file is damaged.
 */
export async function openWav(file) {
  const view = new DataView(await file.slice(0, 2 ** 20).arrayBuffer());
  if (view.byteLength < 12 || !["RIFF", "RF64"].includes(name(view, 0)) || name(view, 8) !== "WAVE") return null;
  let [place, format, longBytes] = [12, null, null];
  for (;;) {
    if (place + 8 > view.byteLength) throw new Problem("wavHeaderEnds");
    const [chunk, size] = [name(view, place), view.getUint32(place + 4, true)];
    place += 8;
    if (chunk === "data") {
      if (!format) throw new Problem("wavNoFormat");
      return opened(file, place, format, longBytes ?? size);
    }
    if (place + size > view.byteLength) throw new Problem("wavHeaderEnds");
    if (chunk === "fmt ") format = readFormat(view, place, size);
    if (chunk === "ds64") longBytes = Number(view.getBigUint64(place + 8, true));
    place += size + (size % 2);
  }
}

function opened(file, begin, format, size) {
  const decode = DECODERS[`${format.tag},${format.bits}`];
  if (!decode || format.channels === 0) return null;
  const there = file.size - begin;
  const known = size !== 0 && size < LARGEST;
  if (known && size > there) throw new Problem("cutShort", { bytes: size - there });
  const frameBytes = format.channels * (format.bits / 8);
  const end = begin + Math.floor((known ? size : there) / frameBytes) * frameBytes;
  return { ...format, frames: (end - begin) / frameBytes, blocks: blocks(file, begin, end, format, decode) };
}

async function* blocks(file, begin, end, { channels, bits }, decode) {
  const bytes = bits / 8;
  const step = Math.floor(BLOCK_BYTES / (channels * bytes)) * channels * bytes;
  for (let place = begin; place < end; place += step) {
    const view = new DataView(await file.slice(place, Math.min(end, place + step)).arrayBuffer());
    const mono = new Float32Array(view.byteLength / (channels * bytes));
    for (let frame = 0, at = 0; frame < mono.length; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++, at += bytes) sum += decode(view, at);
      mono[frame] = sum / channels;
    }
    yield mono;
  }
}

function readFormat(view, place, size) {
  if (size < 16) throw new Problem("wavNoFormat");
  let tag = view.getUint16(place, true);
  const [channels, rateHz] = [view.getUint16(place + 2, true), view.getUint32(place + 4, true)];
  const [byteRate, frameBytes] = [view.getUint32(place + 8, true), view.getUint16(place + 12, true)];
  const bits = view.getUint16(place + 14, true);
  if (tag === EXTENSIBLE && size >= 26) tag = view.getUint16(place + 24, true);
  const contradicts = byteRate !== rateHz * frameBytes || frameBytes !== channels * Math.ceil(bits / 8);
  if ([PCM, FLOAT, A_LAW, MU_LAW].includes(tag) && contradicts) throw new Problem("wavContradicts");
  return { tag, channels, rateHz, bits };
}

/** Writes a waveform as a WAV file of floats, which loses nothing: the model hears what rounding to 16 bits changes. */
export function wavBlob(waveform, rateHz) {
  const bytes = waveform.byteLength;
  const view = new DataView(new ArrayBuffer(44));
  const text = (place, letters) => [...letters].forEach((one, at) => view.setUint8(place + at, one.charCodeAt(0)));
  text(0, "RIFF");
  view.setUint32(4, 36 + bytes, true);
  text(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, FLOAT, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rateHz, true);
  view.setUint32(28, 4 * rateHz, true);
  view.setUint16(32, 4, true);
  view.setUint16(34, 32, true);
  text(36, "data");
  view.setUint32(40, bytes, true);
  return new Blob([view, waveform], { type: "audio/wav" }); // every browser runs on little-endian processors
}

function name(view, place) {
  return String.fromCharCode(...new Uint8Array(view.buffer, place, 4));
}

/** ITU-T G.711, A-law. */
function aLaw(byte) {
  const code = byte ^ 0x55;
  const [mantissa, exponent] = [code & 15, (code >> 4) & 7];
  const magnitude = exponent === 0 ? mantissa * 16 + 8 : (mantissa * 16 + 264) << (exponent - 1);
  return (code & 128 ? magnitude : -magnitude) / 2 ** 15;
}

/** ITU-T G.711, mu-law. */
function muLaw(byte) {
  const code = 255 - byte;
  const magnitude = (((code & 15) * 8 + 132) << ((code >> 4) & 7)) - 132;
  return (code & 128 ? -magnitude : magnitude) / 2 ** 15;
}
