// The sampling rate that a compressed file says it has: the browser decodes to any rate, and tells none.

const MP3_RATES_HZ = [44_100, 48_000, 32_000];
const MP3_DIVISORS = { 3: 1, 2: 2, 0: 4 }; // MPEG 1, 2 and 2.5

/** Returns Hz, or null where this does not know the format (Opus and most video files have 48 kHz). */
export function nativeRate(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (text(bytes, 0, 4) === "fLaC") return (view.getUint32(18) >>> 12) || null; // of STREAMINFO, 20 bits
  if (text(bytes, 0, 4) === "OggS") return oggRate(bytes, view);
  if (text(bytes, 4, 4) === "ftyp") return mp4Rate(bytes, view);
  return mp3Rate(bytes, view);
}

function oggRate(bytes, view) {
  const head = find(bytes, "\x01vorbis", 0, 4096);
  return head < 0 ? null : view.getUint32(head + 12, true);
}

/** The rate in the first sample entry of AAC (ISO/IEC 14496-12, 12.2.3): 16.16 fixed point, 24 bytes after its name. */
function mp4Rate(bytes, view) {
  for (let place = 0; (place = find(bytes, "mp4a", place, bytes.length)) >= 0; place += 4) {
    if (place + 32 <= bytes.length && text(bytes, place + 4, 6) === "\0\0\0\0\0\0") return view.getUint16(place + 28);
  }
  return null;
}

function mp3Rate(bytes, view) {
  let place = 0;
  if (text(bytes, 0, 3) === "ID3") {
    place = 10 + [6, 7, 8, 9].reduce((size, at) => (size << 7) | (bytes[at] & 127), 0);
  }
  for (const end = Math.min(place + 65_536, bytes.length - 4); place < end; place++) {
    const header = view.getUint32(place);
    const [version, layer, rate] = [(header >>> 19) & 3, (header >>> 17) & 3, (header >>> 10) & 3];
    if (header >>> 21 === 0x7ff && layer === 1 && rate < 3 && version !== 1) {
      return MP3_RATES_HZ[rate] / MP3_DIVISORS[version];
    }
  }
  return null;
}

function find(bytes, wanted, from, until) {
  const codes = [...wanted].map((letter) => letter.charCodeAt(0));
  for (let place = from; place <= Math.min(until, bytes.length) - codes.length; place++) {
    if (codes.every((code, index) => bytes[place + index] === code)) return place;
  }
  return -1;
}

function text(bytes, place, length) {
  return String.fromCharCode(...bytes.subarray(place, place + length));
}
