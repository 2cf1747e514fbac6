// The page: what its controls do.

import { toAudacity, toCsv, toJson } from "./answers/formats.js";
import { rowRecord } from "./answers/rows.js";
import { Hearing } from "./hearing/client.js";
import { HOP_S, RATE_HZ, WINDOW_S } from "./hearing/settings.js";
import { LONGEST_S, decodeFile, resampled } from "./sound/decoding.js";
import { openMicrophone } from "./sound/microphone.js";
import { Problem } from "./sound/problem.js";
import { Resampler } from "./sound/resampling.js";
import { wavBlob } from "./sound/wav.js";
import { LANGUAGE, clock, fillTexts, percent, problemTexts, text } from "./texts.js";
import { Bars } from "./view/bars.js";
import { byId, make } from "./view/elements.js";
import { fillTable } from "./view/table.js";
import { Timeline } from "./view/timeline.js";

const MODEL = "compact";
const EXAMPLES = ["loud", "soft", "changing"];

const config = await (await fetch("model/config.json")).json();
const minConfidence = config.min_confidence.value;
const hearing = new Hearing();
const bars = new Bars(minConfidence);
const recordings = []; // what was heard, and its sound
const problems = [];
let shown = null; // {recording, timeline}
let microphone = null; // {keeps, close, …} while it is open
let taken = 0; // recordings by the microphone

document.documentElement.lang = LANGUAGE;
document.title = text("title");
fillTexts(document, { minutes: LONGEST_S / 60 });
byId("about").textContent = text("about", figures());
hearing.followed = (answer) => microphone && bars.show(answer);

byId("choose").onclick = () => byId("files").click();
byId("files").onchange = () => hearFiles([...byId("files").files]);
byId("record").onclick = () => toggleMicrophone(true);
byId("live").onclick = () => toggleMicrophone(false);
byId("play").onclick = () => shown.timeline.playPause();
for (const name of EXAMPLES) {
  const button = make("button", { type: "button", id: `example-${name}`, textContent: text(`example_${name}`) });
  button.onclick = () => hearExample(name);
  byId("examples").append(button);
}
const downloads = {
  csv: () => ["answers.csv", toCsv(recordings)],
  json: () => ["answers.json", toJson(recordings, about(), problems)],
  audacity: () => [`${stem(shown.recording.name)}.txt`, toAudacity(shown.recording)],
  sound: () => [`${stem(shown.recording.name)}-16kHz.wav`, wavBlob(shown.recording.waveform, RATE_HZ)],
};
for (const [format, content] of Object.entries(downloads)) byId(`download-${format}`).onclick = () => save(...content());
acceptDrops();

say(text("loading"));
try {
  await hearing.ready;
  say(text("ready"));
  setBusy(false);
} catch (error) {
  say(text("loadFailed", { reason: error.message }));
}

/** Hears files one after another; one that cannot be heard stops no other. */
async function hearFiles(files) {
  if (!files.length) return;
  setBusy(true);
  for (const file of files) {
    say(text("reading", { name: file.name }));
    await hearOne(file.name, () => decodeFile(file));
  }
  byId("files").value = "";
  setBusy(false);
}

async function hearExample(name) {
  const answer = await fetch(`examples/${name}.wav`);
  await hearFiles([new File([await answer.blob()], `${name}.wav`)]);
}

async function hearOne(name, decode) {
  const began = performance.now();
  try {
    const sound = await decode();
    const rows = await hearing.hear(sound, (share) => {
      say(text("hearing", { name }), share);
    });
    const took = ((performance.now() - began) / 1000).toFixed(1);
    recordings.push({ name, ...sound, records: rows.map((row) => rowRecord(row, minConfidence)) });
    show(recordings.at(-1));
    say(text("heard", { name, seconds: sound.durationS.toFixed(1), took }));
  } catch (error) {
    const told = problemTexts(error instanceof Problem ? error : new Problem("failed", { reason: String(error) }));
    problems.push({ recording: name, ...told });
    byId("problems").append(make("li", { textContent: text("problem", { name, ...told }) }));
    say("");
  }
}

/** Opens the microphone, or closes it and hears what it kept. */
async function toggleMicrophone(keeps) {
  if (microphone) {
    await closeMicrophone();
    return;
  }
  setBusy(true);
  try {
    if (!navigator.mediaDevices) throw new Error(text("noMicrophoneHere"));
    const kept = [];
    let [samples, resampler] = [0, null];
    const opened = await openMicrophone((block, rateHz) => {
      resampler ??= new Resampler(rateHz, RATE_HZ);
      hearing.follow(resampler.push(block));
      if (!keeps) return;
      kept.push(block);
      samples += block.length;
      byId("clock").textContent = clock(samples / rateHz);
      if (samples >= (LONGEST_S - 1) * rateHz && microphone) closeMicrophone();
    });
    microphone = { ...opened, keeps, kept };
    bars.open();
    byId("clock").textContent = "";
    setMicrophoneButton(keeps, true);
    say(text(keeps ? "recording" : "listening"));
  } catch (error) {
    say(text("noMicrophone", { reason: error.message }));
    setBusy(false);
  }
}

async function closeMicrophone() {
  const { close, keeps, kept, rateHz } = microphone;
  microphone = null;
  setMicrophoneButton(keeps, false);
  setBusy(true);
  await close();
  hearing.unfollow();
  bars.close();
  say(text("ready"));
  if (keeps) {
    const name = text("recordingName", { number: ++taken });
    await hearOne(name, () => resampled({ rateHz, channels: 1 }, kept));
  }
  setBusy(false);
}

function setMicrophoneButton(keeps, open) {
  const [own, stop] = keeps ? ["record", "stopRecording"] : ["live", "stopLive"];
  byId(own).disabled = false;
  byId(own).classList.toggle("open", open);
  byId(own).textContent = text(open ? stop : own);
}

/** Shows a recording, and a list of all where there are several. */
function show(recording) {
  shown?.timeline.close();
  byId("answers").hidden = false;
  let mark = () => {};
  const timeline = new Timeline(recording, (part) => mark(part));
  mark = fillTable(recording, (part) => timeline.play(part));
  shown = { recording, timeline };
  byId("recordings").hidden = recordings.length < 2;
  byId("recording-list").replaceChildren(
    ...recordings.map((one) => {
      const button = make("button", { type: "button", textContent: one.name, onclick: () => show(one) });
      button.ariaCurrent = String(one === recording);
      return make("li", {}, button);
    }),
  );
}

function acceptDrops() {
  const depth = { entered: 0 };
  const mark = (change) => {
    depth.entered = change === 0 ? 0 : depth.entered + change;
    document.body.classList.toggle("dropping", depth.entered > 0);
  };
  addEventListener("dragenter", () => mark(1));
  addEventListener("dragleave", () => mark(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    mark(0);
    if (!byId("choose").disabled) hearFiles([...event.dataTransfer.files]);
  });
}

function setBusy(busy) {
  for (const button of document.querySelectorAll("#give button")) button.disabled = busy;
}

/** Tells what is going on; share: how much is done, where it is known. */
function say(message, share = null) {
  byId("status").textContent = message;
  byId("progress").hidden = share === null;
  if (share !== null) byId("progress").value = share;
}

function save(name, content) {
  const url = URL.createObjectURL(new Blob([content]));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function stem(name) {
  return name.replace(/\.[^.]*$/, "");
}

function about() {
  return {
    model: MODEL,
    revision: config.revision,
    licence: config.licence,
    sample_rate_hz: config.sampling_rate,
    window_s: WINDOW_S,
    hop_s: HOP_S,
    min_confidence: minConfidence,
  };
}

function figures() {
  const { uar, uar_low: low, uar_high: high, clips, speakers } = config.figures;
  const { value, coverage, accuracy } = config.min_confidence;
  return {
    model: MODEL,
    revision: config.revision,
    licence: config.licence,
    clips,
    speakers,
    uar: percent(uar, 1),
    uarLow: percent(low, 1),
    uarHigh: percent(high, 1),
    chance: percent(1 / Object.keys(config.id2label).length, 1),
    least: percent(value),
    coverage: percent(coverage),
    accuracy: percent(accuracy),
  };
}
