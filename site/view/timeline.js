// A recording over time: its waveform with coloured stretches, and a lane of probabilities for each emotion.

import { EMOTIONS, NO_SPEECH, UNCERTAIN, merge } from "../answers/rows.js";
import { RATE_HZ } from "../hearing/settings.js";
import { wavBlob } from "../sound/wav.js";
import { clock, text } from "../texts.js";
import Regions from "../vendor/regions.js";
import WaveSurfer from "../vendor/wavesurfer.js";
import { byId, colourOf, make } from "./elements.js";

const SVG = "http://www.w3.org/2000/svg";
const PEAKS = 2000;
const HEIGHT = 96; // the hash in the page's security policy is that of the waveform's style with this height
const NARROWEST = 70; // pixels, of a stretch with its label written on it
const TICKS = 5;

/** Draws {name, waveform, durationS, records}; playing: is told of the stretch that is heard, or null. */
export class Timeline {
  constructor(recording, playing) {
    this.parts = merge(recording.records).filter(({ label }) => label !== NO_SPEECH);
    this.url = URL.createObjectURL(wavBlob(recording.waveform, RATE_HZ));
    byId("waveform").ariaLabel = text("waveform", { name: recording.name });
    drawLanes(recording);
    this.#drawWaveform(recording, playing);
  }

  /** Plays a stretch to its end. */
  async play({ begin_s, end_s }) {
    await this.ready;
    await this.wave.play(begin_s, end_s);
  }

  async playPause() {
    await this.ready;
    await this.wave.playPause();
  }

  close() {
    this.dark.removeEventListener("change", this.recolour);
    this.wave.destroy();
    URL.revokeObjectURL(this.url);
  }

  #drawWaveform({ waveform, durationS }, playing) {
    const regions = Regions.create();
    this.wave = WaveSurfer.create({
      container: byId("waveform"),
      height: HEIGHT,
      peaks: [peaks(waveform)],
      duration: durationS,
      url: this.url,
      normalize: true,
      cursorWidth: 2,
      plugins: [regions],
      ...colours(),
    });
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => this.wave.setOptions(colours());
    this.dark.addEventListener("change", this.recolour);
    this.ready = new Promise((resolve) => this.wave.once("ready", resolve));
    this.ready.then(() => {
      for (const part of this.parts) {
        const region = regions.addRegion({
          start: part.begin_s,
          end: part.end_s,
          content: regionLabel(part, this.wave.getWidth() / durationS),
          color: "transparent",
          drag: false,
          resize: false,
        });
        region.element.style.background = wash(part.label);
        region.on("click", (event) => {
          event.stopPropagation();
          this.play(part);
        });
      }
    });
    const partAt = (time) => this.parts.find(({ begin_s, end_s }) => begin_s <= time && time < end_s) ?? null;
    this.wave.on("timeupdate", (time) => playing(this.wave.isPlaying() ? partAt(time) : null));
    for (const event of ["play", "pause", "finish"]) {
      this.wave.on(event, () => {
        byId("play").textContent = text(this.wave.isPlaying() ? "pause" : "play");
        if (!this.wave.isPlaying()) playing(null);
      });
    }
    byId("play").textContent = text("play");
  }
}

/** What colours a stretch, within the waveform, where the page's style sheet does not reach. */
function wash(label) {
  const colour = `color-mix(in srgb, var(--${label}) 35%, transparent)`;
  return label === UNCERTAIN ? `repeating-linear-gradient(45deg, ${colour} 0 4px, transparent 4px 8px)` : colour;
}

function regionLabel({ begin_s, end_s, label }, pixelsPerS) {
  if ((end_s - begin_s) * pixelsPerS < NARROWEST) return undefined;
  const element = make("span", { textContent: text(label) });
  Object.assign(element.style, {
    color: "var(--ink)",
    background: "var(--paper)",
    borderRadius: "0 0 0.3em",
    fontSize: "0.8rem",
    padding: "0 0.3em",
  });
  return element;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  return { waveColor: colour("--wave"), progressColor: colour("--wave"), cursorColor: colour("--accent") };
}

/** The loudest sample of each of at most PEAKS parts. */
function peaks(waveform) {
  const count = Math.min(PEAKS, waveform.length);
  const found = new Float32Array(count);
  waveform.forEach((sample, index) => {
    const place = Math.floor((index * count) / waveform.length);
    found[place] = Math.max(found[place], Math.abs(sample));
  });
  return found;
}

function drawLanes({ records, durationS }) {
  const lanes = EMOTIONS.flatMap((emotion) => [
    make("span", { classes: ["name"] }, make("span", { classes: ["swatch", colourOf(emotion)] }), text(emotion)),
    lane(emotion, records, durationS),
  ]);
  byId("lanes").replaceChildren(...lanes, make("span"), axis(durationS));
}

function lane(emotion, records, durationS) {
  const steps = records
    .filter(({ probabilities }) => probabilities)
    .map(({ begin_s, end_s, probabilities }) => {
      const height = 1 - probabilities[emotion];
      return `M${begin_s} 1V${height}H${end_s}V1Z`;
    });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", steps.join(""));
  path.classList.add("area", colourOf(emotion));
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${durationS} 1`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.classList.add("lane");
  svg.append(path);
  return svg;
}

function axis(durationS) {
  const ticks = Array.from({ length: TICKS }, (_, index) => index / (TICKS - 1));
  return make(
    "span",
    { classes: ["axis"] },
    ...ticks.map((share) => {
      const tick = make("span", { textContent: clock(share * durationS).split(".")[0] });
      tick.style.left = `${share * 100}%`;
      return tick;
    }),
  );
}
