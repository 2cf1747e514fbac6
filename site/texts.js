// All texts of the page. A language is another entry: copy "en" and translate it. `{name}` is filled in.

const TEXTS = {
  en: {
    title: "What does a voice sound like?",
    lead: "Speak, or give a recording. A small model says which of eight acted emotions each stretch of speech sounds like, and how surely.",
    privacy: "The model runs in this browser. No sound leaves this computer.",
    loading: "The model is loading …",
    ready: "Ready.",
    loadFailed: "The model could not be loaded: {reason}. Reload the page, or take a newer browser.",

    give: "Give it sound",
    record: "Record",
    live: "Live",
    stopRecording: "Stop recording",
    stopLive: "Stop live mode",
    recordHint: "Record keeps the sound until the page is closed, and shows it over time. Live keeps nothing.",
    choose: "Choose files",
    drop: "Files may also be dropped anywhere here: WAV, FLAC, MP3, Ogg, m4a, webm and others that the browser knows; up to {minutes} minutes each.",
    examples: "Examples, by a synthetic voice that was made for tests:",
    example_loud: "Loud and fast",
    example_soft: "Soft and slow",
    example_changing: "Changing, half a minute",
    dropNow: "Drop the files to hear them",

    progress: "How much is done",
    hearing: "Hearing {name} …",
    reading: "Reading {name} …",
    heard: "{name}: {seconds} s heard in {took} s.",
    recording: "Recording",
    listening: "Listening",
    recordingName: "recording {number}.wav",
    noMicrophone: "No microphone: {reason}. Allow it in the browser's settings for this page, or choose a file.",
    noMicrophoneHere: "this browser gives the microphone only to pages from https or localhost",

    liveTitle: "Now",
    nothingYet: "nothing yet",
    level: "Level",

    answersTitle: "Answers",
    recordings: "Recordings",
    waveform: "Waveform of {name}, with stretches coloured by their label. Every stretch is in the table below.",
    lanes: "Probability of each emotion over time. The most likely label over time is in the table below.",
    lanesTitle: "Probability over time",
    play: "Play",
    pause: "Pause",
    clickHint: "Click a stretch to hear it.",
    tableTitle: "Stretches of {name}",
    columnHear: "hear",
    columnBegin: "begin",
    columnEnd: "end",
    columnLabel: "label",
    columnSure: "sure",
    hearStretch: "Hear {label} from {begin} to {end}",
    tableHint: "Neighbours with one label are joined. Probabilities are in per cent.",
    downloads: "Download",
    downloadCsv: "CSV, all recordings",
    downloadJson: "JSON, all recordings",
    downloadAudacity: "Audacity labels, this recording",
    downloadSound: "Sound as it was heard, this recording",

    aboutTitle: "What this is, and what it is not",
    about:
      "The model ({model}, revision {revision}) learnt from {clips} clips of {speakers} actors, who spoke two sentences in North American English in a studio. On actors it had not heard, the mean recall of the eight emotions is {uar} (95% interval {uarLow} to {uarHigh}; guessing gives {chance}). An answer below {least} is shown as uncertain; {coverage} of the actors' clips are above, and {accuracy} of those are right. With noise, other languages and speech that is not acted it is worse, and too sure of itself. It says what a voice sounds like, not what somebody feels. Do not decide about people by it, and do not listen to people who do not know. {licence}: not for commercial use.",
    card: "The model's card",
    licences: "Licences of what the page is made of",

    neutral: "neutral",
    calm: "calm",
    happy: "happy",
    sad: "sad",
    angry: "angry",
    fearful: "fearful",
    disgust: "disgust",
    surprised: "surprised",
    uncertain: "uncertain",
    "no speech": "no speech",

    problem: "{name}: {reason}. {remedy}.",
    problems: {
      again: "Copy or record it again",
      convert: "Convert it: ffmpeg -i FILE -ar 16000 new.wav",
      longer: "Give a longer recording",
      command: "Cut it, or hear it by the command ser predict",
      report: "Reload the page and try again",
      empty: ["empty: 0 bytes", "again"],
      cutShort: ["cut short: {bytes} bytes fewer than its header says", "again"],
      wavHeaderEnds: ["ends within its header", "again"],
      wavNoFormat: ["its header is damaged: it does not say how the samples are stored", "convert"],
      wavContradicts: ["its header contradicts itself", "convert"],
      noNumbers: ["holds samples that are no finite numbers, or no sound", "again"],
      undecodable: ["not a format that this browser decodes, or damaged", "convert"],
      wrongRate: ["has {rateHz} samples a second; {low} to {high} are heard", "convert"],
      tooManyChannels: ["has {channels} channels; at most {most} are heard", "convert"],
      tooShort: ["lasts {seconds} s; at least {least} s are needed", "longer"],
      tooLong: ["longer than {minutes} minutes", "command"],
      failed: ["{reason}", "report"],
    },
  },
};

const wanted = new URLSearchParams(location.search).get("lang");
export const LANGUAGE =
  [wanted, ...navigator.languages].map((tag) => tag?.split("-")[0]).find((tag) => tag in TEXTS) ?? "en";

/** Returns a text by its key, with values filled in. */
export function text(key, values = {}) {
  return filled(TEXTS[LANGUAGE][key] ?? TEXTS.en[key], values);
}

/** Returns the reason and the remedy of a Problem. */
export function problemTexts({ key, values }) {
  const { problems } = TEXTS[LANGUAGE];
  const [reason, remedy] = problems[key];
  return { reason: filled(reason, values), remedy: problems[remedy] };
}

/** Fills every element that names a text: data-text its content, data-label its accessible name. */
export function fillTexts(root, values = {}) {
  for (const element of root.querySelectorAll("[data-text]")) element.textContent = text(element.dataset.text, values);
  for (const element of root.querySelectorAll("[data-label]")) element.ariaLabel = text(element.dataset.label, values);
}

export function percent(share, digits = 0) {
  return share.toLocaleString(LANGUAGE, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Returns 75.25 as 1:15.25. */
export function clock(seconds) {
  const hundredths = Math.round(seconds * 100);
  const [minutes, rest] = [Math.floor(hundredths / 6000), hundredths % 6000];
  return `${minutes}:${(rest / 100).toFixed(2).padStart(5, "0")}`;
}

function filled(template, values) {
  return template.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
