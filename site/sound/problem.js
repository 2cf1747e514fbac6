/** What cannot be heard; `key` names its text in texts.js, `values` fill it. */
export class Problem extends Error {
  constructor(key, values = {}) {
    super(key);
    this.key = key;
    this.values = values;
  }
}
