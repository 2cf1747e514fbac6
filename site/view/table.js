// The stretches of a recording as a table.

import { EMOTIONS, NO_SPEECH, merge } from "../answers/rows.js";
import { clock, percent, text } from "../texts.js";
import { byId, colourOf, make } from "./elements.js";

/** Fills the table; play: is told of the stretch that shall be heard. Returns what marks the one that is heard. */
export function fillTable({ name, records }, play) {
  byId("table-title").textContent = text("tableTitle", { name });
  const headings = ["columnHear", "columnBegin", "columnEnd", "columnLabel", "columnSure", ...EMOTIONS];
  byId("table-head").replaceChildren(
    ...headings.map((key) => make("th", { scope: "col", textContent: text(key) })),
  );
  const parts = merge(records);
  const rows = parts.map((part) => line(part, play));
  byId("table-body").replaceChildren(...rows);
  return (heard) =>
    rows.forEach((row, index) => row.classList.toggle("heard", parts[index].begin_s === heard?.begin_s));
}

function line(part, play) {
  const { begin_s, end_s, label, confidence, probabilities } = part;
  const words = { label: text(label), begin: clock(begin_s), end: clock(end_s) };
  const cells = [
    label === NO_SPEECH ? "" : make("button", {
      type: "button",
      classes: ["hear"],
      ariaLabel: text("hearStretch", words),
      onclick: () => play(part),
    }),
    words.begin,
    words.end,
    make("span", { classes: ["label"] }, make("span", { classes: ["swatch", colourOf(label)] }), words.label),
    confidence === null ? "" : percent(confidence),
    ...EMOTIONS.map((emotion) => (probabilities ? (probabilities[emotion] * 100).toFixed(0) : "")),
  ];
  return make("tr", {}, ...cells.map((content) => make("td", {}, content)));
}
