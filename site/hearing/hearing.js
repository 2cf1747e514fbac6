// A recording at 16 kHz → rows, as ser/inference/hearing.py and listening.py hear it.

import { SpeechDetector, holdsSpeech } from "./detector.js";
import { HOP_S, RATE_HZ, SHORT_S, WINDOW_S } from "./settings.js";
import { findStretches } from "./stretches.js";
import { cutCells, cutWindows, smooth } from "./windows.js";

const DETECTING = 0.4; // share of the time
const BLOCK_S = 8;

/**
 * Returns rows {beginS, endS, logs}; logs: log-probabilities, or null without speech.
 *
 * passed: is told what share is done.
 */
export async function hear(models, waveform, durationS, passed = () => {}) {
  if (waveform.length > SHORT_S * RATE_HZ) return hearLong(models, waveform, passed);
  const speaks = await holdsSpeech(models, waveform);
  return [{ beginS: 0, endS: durationS, logs: speaks ? (await models.logProbabilities([waveform]))[0] : null }];
}

async function hearLong(models, waveform, passed) {
  const probabilities = await detect(models, waveform, (share) => passed(DETECTING * share));
  const stretches = findStretches(probabilities, waveform.length);
  const speech = stretches.reduce((samples, [begin, end]) => samples + end - begin, 0);
  const rows = [];
  let [told, done] = [0, 0];
  const pause = (until) => until > told && rows.push({ beginS: told / RATE_HZ, endS: until / RATE_HZ, logs: null });
  for (const [begin, end] of stretches) {
    pause(begin);
    const share = (end - begin) / speech;
    rows.push(
      ...(await hearStretch(models, waveform.subarray(begin, end), begin, (part) =>
        passed(DETECTING + (1 - DETECTING) * (done + share * part)),
      )),
    );
    told = end;
    done += share;
  }
  pause(waveform.length);
  return rows;
}

async function detect(models, waveform, passed) {
  const detector = new SpeechDetector(models);
  const found = [];
  for (let place = 0; place < waveform.length; place += BLOCK_S * RATE_HZ) {
    found.push(...(await detector.push(waveform.subarray(place, place + BLOCK_S * RATE_HZ))));
    passed(Math.min(1, place / waveform.length));
  }
  return [...found, ...(await detector.finish())];
}

async function hearStretch(models, waveform, begin, passed) {
  const [window, hop] = [WINDOW_S * RATE_HZ, HOP_S * RATE_HZ];
  const windows = cutWindows(waveform.length, window, hop);
  const cells = cutCells(waveform.length, window, hop);
  const heard = await models.logProbabilities(
    windows.map(([from, to]) => waveform.subarray(from, to)),
    passed,
  );
  return smooth(heard, windows, cells).map((logs, index) => ({
    beginS: (begin + cells[index][0]) / RATE_HZ,
    endS: (begin + cells[index][1]) / RATE_HZ,
    logs,
  }));
}
