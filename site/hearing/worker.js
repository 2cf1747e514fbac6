// Runs the models beside the page, so that it stays responsive.
//
// Takes {kind: "hear", id, waveform, durationS}, {kind: "follow", block} and {kind: "unfollow"}; answers with
// {kind: "ready"}, {kind: "passed", id, share}, {kind: "heard", id, rows}, {kind: "followed", answer} and
// {kind: "failed", id, reason}.

import { Follower } from "./following.js";
import { hear } from "./hearing.js";
import { openModels } from "./models.js";

const opening = openModels();
opening.then(
  () => postMessage({ kind: "ready" }),
  (error) => postMessage({ kind: "failed", id: null, reason: String(error) }),
);

let follower = null;
let before = opening; // recordings are heard one after another

const KINDS = {
  hear(message) {
    before = before.then(() => hearOne(message));
  },
  async follow({ block }) {
    const models = await opening;
    follower ??= new Follower(models, (answer, from) => from === follower && postMessage({ kind: "followed", answer }));
    follower.push(block);
  },
  unfollow() {
    follower = null;
  },
};

addEventListener("message", ({ data }) => KINDS[data.kind](data));

async function hearOne({ id, waveform, durationS }) {
  try {
    const models = await opening;
    const rows = await hear(models, waveform, durationS, (share) => postMessage({ kind: "passed", id, share }));
    postMessage({ kind: "heard", id, rows });
  } catch (error) {
    postMessage({ kind: "failed", id, reason: String(error) });
  }
}
