// The two proofs, step by step: each step is told when it held, and the first that fails ends it.

import * as client from "/page/client.js";
import {
  ProofError, base64, checkGrowth, climb, fromBase64, hex, leafHash, openCheckpoint, parseKeys,
  parseProof, requireSame, textOf,
} from "/page/tlog.js";

async function keysOf(vkey, step) {
  const keys = await parseKeys(vkey);
  step("Your key is well-formed", keys.map((key) => `${key.name} · key id ${hex(key.id)}`));
  return keys;
}

export async function proveEntry({ vkey, index, size, step }) {
  const keys = await keysOf(vkey, step);
  const entry = await client.entry(index);
  const leaf = fromBase64(entry.leaf, "the leaf");
  const hashed = await leafHash(leaf);
  step("The leaf is hashed", [`${leaf.length} bytes · SHA-256(00 ‖ leaf) = ${hex(hashed)}`]);

  const proof = parseProof(textOf(await client.proof(index, size)));
  if (String(proof.index) !== index) throw new ProofError(`the proof is of entry ${proof.index}, not ${index}`);
  step(`The proof is of entry ${index}`, [`${proof.hashes.length} hashes from leaf to root`]);

  const checkpoint = await openCheckpoint(proof.note, keys);
  if (size && String(checkpoint.size) !== size) throw new ProofError(`the proof is at size ${checkpoint.size}, not ${size}`);
  step("The checkpoint is signed by your key", [
    checkpoint.origin, `size ${checkpoint.size} · root ${base64(checkpoint.root)}`, `Ed25519, ${checkpoint.signer.line}`,
  ]);

  const way = await climb(proof.index, checkpoint.size, hashed, proof.hashes);
  requireSame(way.at(-1), checkpoint.root);
  step("The proof leads from the leaf to that root", way.map(hex), { folded: `${way.length} hashes, leaf to root` });
  return {
    verdict: `entry ${index} is in ${checkpoint.origin} at size ${checkpoint.size}`,
    leaf: pretty(textOf(leaf)),
  };
}

export async function proveGrowth({ vkey, from, to, step }) {
  const keys = await keysOf(vkey, step);
  const told = await client.consistency(from, to);
  const earlier = await openCheckpoint(told.earlier.note, keys);
  const later = await openCheckpoint(told.later.note, keys);
  if (String(earlier.size) !== from || (to && String(later.size) !== to)) {
    throw new ProofError("the server answered with other sizes");
  }
  step("Both checkpoints are signed by your key", [earlier, later].map((one) => `size ${one.size} · root ${base64(one.root)}`));
  await checkGrowth(earlier, later, told.hashes.map((hash) => fromBase64(hash, "a hash of the proof", 32)));
  step("The proof leads to both roots", [`${told.hashes.length} hashes`]);
  return `the log of ${later.size} entries begins with the log of ${earlier.size}`;
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
