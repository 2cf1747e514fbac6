// How recordings are heard: the defaults of `ser predict`.

export const RATE_HZ = 16_000; // of the model and the detector
export const SHORT_S = 6; // up to here a recording is one clip
export const [WINDOW_S, HOP_S] = [3, 1];
