// A file or a recording → mono at 16 kHz, as the command decodes and resamples it.

import { RATE_HZ } from "../hearing/settings.js";
import { Problem } from "./problem.js";
import { Resampler, joined } from "./resampling.js";
import { nativeRate } from "./rates.js";
import { openWav } from "./wav.js";

export const LONGEST_S = 30 * 60; // 115 MB of samples; the command hears any length
const RATES_HZ = [4_000, 192_000];
const MOST_CHANNELS = 32;
const SHORTEST_S = 0.1;
const LOUDEST = 2 ** 31;
const LARGEST_BYTES = 2 ** 28; // of what the browser decodes in one piece

/** Returns {waveform, durationS, rateHz, channels}; throws a Problem. */
export async function decodeFile(file) {
  if (file.size === 0) throw new Problem("empty");
  const wav = await openWav(file);
  if (!wav) return decodeCompressed(file);
  check(wav.rateHz, wav.channels, wav.frames / wav.rateHz);
  return resampled(wav, wav.blocks);
}

/** Takes blocks of one channel at a rate. */
export async function resampled({ rateHz, channels }, blocks) {
  const resampler = new Resampler(rateHz, RATE_HZ);
  const waveform = [];
  let frames = 0;
  for await (const block of blocks) {
    if (!block.every((sample) => Math.abs(sample) <= LOUDEST)) throw new Problem("noNumbers");
    frames += block.length;
    waveform.push(resampler.push(block));
  }
  check(rateHz, channels, frames / rateHz);
  return { waveform: joined([...waveform, resampler.finish()]), durationS: frames / rateHz, rateHz, channels };
}

async function decodeCompressed(file) {
  if (file.size > LARGEST_BYTES) throw new Problem("tooLong", { minutes: LONGEST_S / 60 });
  const content = await file.arrayBuffer();
  const rateHz = nativeRate(new Uint8Array(content)) ?? 48_000;
  check(rateHz, 1, SHORTEST_S);
  let buffer;
  try {
    // A context of the file's own rate decodes without resampling
    buffer = await new OfflineAudioContext(1, 1, rateHz).decodeAudioData(content);
  } catch {
    throw new Problem("undecodable");
  }
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, index) => buffer.getChannelData(index));
  return resampled({ rateHz, channels: channels.length }, [mean(channels)]);
}

function mean(channels) {
  if (channels.length === 1) return channels[0];
  return channels[0].map((_, index) => channels.reduce((sum, channel) => sum + channel[index], 0) / channels.length);
}

function check(rateHz, channels, durationS) {
  const [low, high] = RATES_HZ;
  if (rateHz < low || rateHz > high) throw new Problem("wrongRate", { rateHz, low, high });
  if (channels > MOST_CHANNELS) throw new Problem("tooManyChannels", { channels, most: MOST_CHANNELS });
  if (durationS < SHORTEST_S) throw new Problem("tooShort", { seconds: durationS.toFixed(2), least: SHORTEST_S });
  if (durationS > LONGEST_S) throw new Problem("tooLong", { minutes: LONGEST_S / 60 });
}
