// Elements of the page.

/** Returns the element with an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Makes an element with properties, classes and children. */
export function make(name, { classes = [], ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.classList.add(...classes);
  element.append(...children);
  return element;
}

/** Returns the class that gives an element the colour of a label. */
export function colourOf(label) {
  return `is-${label.replace(" ", "-")}`;
}
