// The bars that move while one speaks.

import { EMOTIONS, rowRecord } from "../answers/rows.js";
import { percent, text } from "../texts.js";
import { byId, colourOf, make } from "./elements.js";

/** Shows answers {logs, level} in the section "now". */
export class Bars {
  #bars = new Map();

  constructor(minConfidence) {
    this.minConfidence = minConfidence;
    byId("bars").replaceChildren(
      ...EMOTIONS.map((emotion) => {
        const bar = make("span", { classes: ["bar", colourOf(emotion)] });
        const value = make("span", { classes: ["value"] });
        this.#bars.set(emotion, { bar, value });
        const name = make("span", { classes: ["name"], textContent: text(emotion) });
        return make("li", {}, name, make("span", { classes: ["track"] }, bar), value);
      }),
    );
  }

  open() {
    byId("now").hidden = false;
    byId("now-label").textContent = text("nothingYet");
    this.#fill(null);
  }

  show({ logs, level }) {
    const record = rowRecord({ beginS: 0, endS: 0, logs }, this.minConfidence);
    const label = text(record.label);
    // A screen reader reads what changes
    if (byId("now-label").textContent !== label) byId("now-label").textContent = label;
    byId("level").value = level;
    this.#fill(record.probabilities);
  }

  close() {
    byId("now").hidden = true;
  }

  #fill(probabilities) {
    for (const [emotion, { bar, value }] of this.#bars) {
      const share = probabilities?.[emotion] ?? 0;
      bar.style.transform = `scaleX(${share})`;
      value.textContent = probabilities ? percent(share) : "–";
    }
  }
}
