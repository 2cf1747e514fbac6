// Recordings {name, durationS, rateHz, channels, records} → the files that `ser predict` writes.

import { EMOTIONS, merge } from "./rows.js";

const VERSION = "1.0"; // of docs/predict.schema.json
const COLUMNS = ["recording", "channel", "begin_s", "end_s", "label", "emotion", "confidence", ...EMOTIONS];

/** A line a row of all recordings; what a row does not have is empty. */
export function toCsv(recordings) {
  const lines = recordings.flatMap(({ name, records }) =>
    records.map((record) => {
      const values = { recording: name, ...record, ...record.probabilities };
      return COLUMNS.map((column) => cell(values[column])).join(",");
    }),
  );
  return [COLUMNS.join(","), ...lines, ""].join("\n");
}

/** One document of all recordings. about: the model and the settings; problems: {recording, reason, remedy}. */
export function toJson(recordings, about, problems) {
  const found = recordings.map(({ name, durationS, rateHz, channels, records }) => ({
    recording: name,
    duration_s: Number(durationS.toFixed(3)),
    sample_rate_hz: rateHz,
    channels,
    rows: records,
  }));
  return `${JSON.stringify({ version: VERSION, about, recordings: found, problems }, null, 1)}\n`;
}

/** A label track of one recording. */
export function toAudacity({ records }) {
  return merge(records)
    .map(({ begin_s, end_s, label, confidence }) => {
      const text = confidence === null ? label : `${label} ${(confidence * 100).toFixed(0)}%`;
      return `${begin_s.toFixed(6)}\t${end_s.toFixed(6)}\t${text}\n`;
    })
    .join("");
}

function cell(value) {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
