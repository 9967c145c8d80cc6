// Verifying a log's proofs: RFC 6962 hashing, C2SP signed-note, tlog-checkpoint, tlog-proof.
// Knows nothing of the page or the server. Everything that does not hold throws a ProofError.

export class ProofError extends Error {}

const HASH = 32;
const ED25519 = 1;
const KEY_ID = 4;
const MOST_HASHES = 63;

const bytesOf = (text) => new TextEncoder().encode(text);

export function textOf(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new ProofError("is not UTF-8 text");
  }
}

export function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export function fromBase64(text, what, length) {
  let bytes = null;
  try {
    bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  } catch {
    // told below
  }
  if (bytes === null || base64(bytes) !== text) throw new ProofError(`${what} is not base64`);
  if (length !== undefined && bytes.length !== length) {
    throw new ProofError(`${what} has ${bytes.length} bytes instead of ${length}`);
  }
  return bytes;
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

function decimal(text, what) {
  if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) throw new ProofError(`${what} is not a number`);
  return BigInt(text);
}

function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

const equal = (one, other) => one.length === other.length && one.every((byte, at) => byte === other[at]);

async function sha256(...parts) {
  if (!globalThis.crypto?.subtle) {
    throw new ProofError("this browser does no cryptography here: open the page over https, or on this machine");
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", concat(...parts)));
}

export const leafHash = (leaf) => sha256([0], leaf);
const nodeHash = (left, right) => sha256([1], left, right);

/** Read `name+hash+key`, one a line, and check each hash against its key. */
export async function parseKeys(text) {
  const lines = text.split(/\s+/).filter((line) => line !== "");
  if (lines.length === 0) throw new ProofError("paste the log's public key first");
  return Promise.all(lines.map(parseKey));
}

async function parseKey(line) {
  const [, name, id, encoded] = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(line) ?? [];
  if (name === undefined) throw new ProofError("a public key looks like name+hash+key");
  const key = fromBase64(encoded, "the public key", 1 + HASH);
  if (key[0] !== ED25519) throw new ProofError("the public key is not Ed25519");
  const computed = (await sha256(bytesOf(`${name}\n`), key)).slice(0, KEY_ID);
  if (hex(computed) !== id) throw new ProofError("the hash in the public key is not of this name and key");
  return { name, id: computed, key: key.slice(1), line };
}

async function verifies(key, signature, message) {
  let imported;
  try {
    imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  } catch {
    throw new ProofError("this browser cannot check Ed25519 signatures: Chrome 137, Firefox 129, "
      + "Safari 17 and later can; docledger verify does it without a browser");
  }
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/** Check a signed note; return the checkpoint in it and the key that signed it. */
export async function openCheckpoint(note, keys) {
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) throw new ProofError("the checkpoint is no signed note");
  const text = note.slice(0, cut + 1);
  let signer = null;
  for (const line of note.slice(cut + 2, -1).split("\n")) {
    const [, name, encoded] = /^\u2014 ([^+\s]+) (\S+)$/.exec(line) ?? [];
    if (name === undefined) throw new ProofError("the checkpoint has a line that is no signature");
    const signature = fromBase64(encoded, "a signature");
    const key = keys.find((one) => one.name === name && equal(one.id, signature.slice(0, KEY_ID)));
    if (key === undefined) continue; // of somebody whom we do not know, such as a witness
    if (!(await verifies(key.key, signature.slice(KEY_ID), bytesOf(text)))) {
      throw new ProofError("the signature on the checkpoint is wrong");
    }
    signer = key;
  }
  if (signer === null) throw new ProofError("the checkpoint is not signed by the key that you gave");
  const [origin, size, root] = text.split("\n");
  if (root === undefined || origin !== signer.name) {
    throw new ProofError("the checkpoint is of another log than the key");
  }
  return { origin, size: decimal(size, "the tree size"), root: fromBase64(root, "the root", HASH), signer };
}

/** Take a `.tlog-proof` apart: index, hashes from leaf to root, and the checkpoint's note. */
export function parseProof(text) {
  const cut = text.indexOf("\n\n");
  const [header, ...lines] = text.slice(0, cut).split("\n");
  if (cut < 0 || header !== "c2sp.org/tlog-proof@v1") throw new ProofError("the proof is no tlog-proof");
  if (lines[0]?.startsWith("extra ")) lines.shift();
  const index = decimal(lines.shift()?.replace(/^index /, "") ?? "", "the proof's index");
  if (lines.length > MOST_HASHES) throw new ProofError("the proof is too long");
  return { index, hashes: lines.map((line) => fromBase64(line, "a hash of the proof", HASH)), note: text.slice(cut + 2) };
}

/** Hash from a leaf to the root (RFC 9162, section 2.1.3.2); return every hash on the way. */
export async function climb(index, size, leaf, hashes) {
  if (index >= size) throw new ProofError(`there is no entry ${index} in a log of ${size}`);
  const way = [leaf];
  let [place, last, hash] = [index, size - 1n, leaf];
  for (const sibling of hashes) {
    if (last === 0n) throw new ProofError("the proof is too long");
    if (place & 1n || place === last) {
      hash = await nodeHash(sibling, hash);
      while (place !== 0n && !(place & 1n)) [place, last] = [place >> 1n, last >> 1n];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [place, last] = [place >> 1n, last >> 1n];
    way.push(hash);
  }
  if (last !== 0n) throw new ProofError("the proof is too short");
  return way;
}

/** Check that a log began as an earlier one (RFC 9162, section 2.1.4.2). */
export async function checkGrowth(earlier, later, hashes) {
  if (earlier.size === 0n || earlier.size > later.size) throw new ProofError("the sizes are the wrong way round");
  if (earlier.size === later.size) {
    if (hashes.length || !equal(earlier.root, later.root)) throw new ProofError("one size has two roots");
    return;
  }
  let [first, last] = [earlier.size - 1n, later.size - 1n];
  while (first & 1n) [first, last] = [first >> 1n, last >> 1n];
  const path = [...hashes];
  const seed = first === 0n ? earlier.root : path.shift();
  if (seed === undefined) throw new ProofError("the proof is too short");
  let [old, now] = [seed, seed];
  for (const sibling of path) {
    if (last === 0n) throw new ProofError("the proof is too long");
    if (first & 1n || first === last) {
      [old, now] = [await nodeHash(sibling, old), await nodeHash(sibling, now)];
      while (first !== 0n && !(first & 1n)) [first, last] = [first >> 1n, last >> 1n];
    } else {
      now = await nodeHash(now, sibling);
    }
    [first, last] = [first >> 1n, last >> 1n];
  }
  if (last !== 0n) throw new ProofError("the proof is too short");
  if (!equal(old, earlier.root)) throw new ProofError("the proof leads to another earlier root");
  if (!equal(now, later.root)) throw new ProofError("the proof leads to another later root");
}

export function requireSame(computed, signed) {
  if (!equal(computed, signed)) throw new ProofError("the proof leads to another root than the checkpoint's");
}
