// A stretch of speech → overlapping windows → a row each hop, as ser/inference/windows.py has it.

/** Returns windows [begin, end] that begin every hop, and a last one that ends with the stretch. */
export function cutWindows(samples, window, hop) {
  if (samples <= window) return [[0, samples]];
  const begins = [];
  for (let begin = 0; begin < samples - window; begin += hop) begins.push(begin);
  return [...begins, samples - window].map((begin) => [begin, begin + window]);
}

/** Returns the parts [begin, end] that have a row each: hops, of which the last takes what is left. */
export function cutCells(samples, window, hop) {
  if (samples <= window) return [[0, samples]];
  const count = Math.max(1, roundHalfEven(samples / hop));
  return Array.from({ length: count }, (_, cell) => [cell * hop, cell === count - 1 ? samples : (cell + 1) * hop]);
}

/** Returns log-probabilities of each cell: the mean over the windows that hold its middle, normalised. */
export function smooth(logs, windows, cells) {
  return cells.map(([begin, end]) => {
    const middle = (begin + end) / 2;
    const over = logs.filter((_, index) => windows[index][0] <= middle && middle <= windows[index][1]);
    const means = over[0].map((_, emotion) => over.reduce((sum, one) => sum + one[emotion], 0) / over.length);
    const total = Math.log(means.reduce((sum, mean) => sum + Math.exp(mean), 0));
    return means.map((mean) => mean - total);
  });
}

function roundHalfEven(value) {
  const down = Math.floor(value);
  if (value - down !== 0.5) return Math.round(value);
  return down % 2 === 0 ? down : down + 1;
}
