// Rows as people and files read them, as ser/inference/rows.py and outputs/ have it.

export const EMOTIONS = ["neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised"];
export const [UNCERTAIN, NO_SPEECH] = ["uncertain", "no speech"];

/** Returns a row as CSV and JSON hold it; logs: log-probabilities, or null without speech. */
export function rowRecord({ beginS, endS, logs }, minConfidence) {
  const times = { channel: null, begin_s: rounded(beginS, 3), end_s: rounded(endS, 3) };
  if (!logs) return { ...times, label: NO_SPEECH, emotion: null, confidence: null, probabilities: null };
  const values = logs.map(Math.exp);
  const confidence = Math.max(...values);
  const emotion = EMOTIONS[values.indexOf(confidence)];
  return {
    ...times,
    label: confidence >= minConfidence ? emotion : UNCERTAIN,
    emotion,
    confidence: rounded(confidence, 6),
    probabilities: Object.fromEntries(EMOTIONS.map((name, index) => [name, rounded(values[index], 6)])),
  };
}

/** Joins records that follow each other and have one label: {begin_s, end_s, label, confidence, probabilities}. */
export function merge(records) {
  const parts = [];
  for (const record of records) {
    const last = parts.at(-1);
    if (last?.label === record.label) last.records.push(record);
    else parts.push({ label: record.label, records: [record] });
  }
  return parts.map(({ label, records }) => ({
    begin_s: records[0].begin_s,
    end_s: records.at(-1).end_s,
    label,
    confidence: label === NO_SPEECH ? null : weighted(records),
    probabilities: label === NO_SPEECH ? null : means(records),
  }));
}

function weighted(records) {
  const seconds = records.map(({ begin_s, end_s }) => end_s - begin_s);
  const sum = records.reduce((total, { confidence }, index) => total + confidence * seconds[index], 0);
  return sum / seconds.reduce((total, one) => total + one, 0);
}

function means(records) {
  const mean = (name) => records.reduce((sum, { probabilities }) => sum + probabilities[name], 0) / records.length;
  return Object.fromEntries(EMOTIONS.map((name) => [name, mean(name)]));
}

/** Rounds as Python does: ties go to the even digit. They can only be where the number is short in binary. */
function rounded(value, digits) {
  const tie = Math.abs(value * 2 ** (digits + 1)) % 2 === 1;
  if (!tie) return Number(value.toFixed(digits));
  const down = Math.floor(value * 10 ** digits);
  return (down % 2 === 0 ? down : down + 1) / 10 ** digits;
}
