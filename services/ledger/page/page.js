// The page: forms, tables, and the steps of a proof. Foreign text is set as text, never as markup.

import * as client from "/page/client.js";
import { checkpointRow, element, entryRow, fill, show } from "/page/show.js";
import { proveEntry, proveGrowth } from "/page/prove.js";

const at = (id) => document.getElementById(id);
let filters = {};
let following = {};

function use() {
  client.use({ tenant: at("tenant").value, token: at("token").value.trim() });
}

async function told(work) {
  show(at("status"), "Asking the server …");
  try {
    await work();
    show(at("status"), "");
  } catch (error) {
    show(at("status"), `Not done: ${error.message}.`, "failed");
  }
}

function asked(form) {
  const found = Object.fromEntries(new FormData(form));
  for (const name of ["sealed_after", "sealed_before"]) {
    if (found[name]) found[name] = new Date(found[name]).toISOString();
  }
  return found;
}

async function listEntries(cursor = "") {
  if (cursor === "") {
    filters = asked(at("filters"));
    fill(at("entry-table"), []);
  }
  let page;
  do { // a page that a filter left empty is not the end
    page = await client.entries({ ...filters, limit: 50, cursor });
    cursor = page.next ?? "";
    for (const entry of page.entries) at("entry-table").tBodies[0].append(entryRow(entry, prove));
  } while (page.entries.length === 0 && cursor !== "");
  following.entries = cursor;
  at("more-entries").hidden = cursor === "";
  const rows = at("entry-table").tBodies[0].rows.length;
  show(at("entry-count"), `${rows} shown of a log of ${page.tree_size}${cursor ? ", there are more" : ""}.`);
}

async function listCheckpoints(after = 0) {
  if (after === 0) fill(at("checkpoint-table"), []);
  const page = await client.checkpoints(after);
  for (const one of page.checkpoints) at("checkpoint-table").tBodies[0].append(checkpointRow(one, choose));
  following.checkpoints = page.next;
  at("more-checkpoints").hidden = page.next === null;
}

function choose(size) {
  const form = at("consistency");
  form.elements.from.value = size;
  form.elements.from.focus();
}

async function watched(work) {
  use();
  fill(at("steps"), []);
  at("told").hidden = true;
  at("verdict").hidden = false;
  show(at("verdict"), "Verifying …");
  const step = (title, detail, { outcome = "passed", folded = "" } = {}) => {
    const item = element("li", "", outcome);
    const lines = detail.map((line) => element("code", line));
    item.append(element("strong", (outcome === "passed" ? "✓ " : "✗ ") + title));
    if (folded) {
      const more = document.createElement("details");
      more.append(element("summary", folded), ...lines);
      item.append(more);
    } else {
      item.append(...lines);
    }
    at("steps").append(item);
  };
  try {
    show(at("verdict"), `Proved: ${await work(step)}.`, "passed");
  } catch (error) {
    const asked = error instanceof client.AnswerError;
    step(asked ? "The server did not give the proof" : "It does not hold", [error.message], { outcome: "failed" });
    show(at("verdict"), `${asked ? "Not verified" : "Not proved"}: ${error.message}.`, "failed");
  }
  at("proof").focus({ preventScroll: matchMedia("(min-width: 70rem)").matches });
}

function prove(index, size = "") {
  at("prove").elements.index.value = index;
  at("prove").elements.size.value = size;
  return watched(async (step) => {
    const { verdict, leaf } = await proveEntry({ vkey: at("vkey").value, index: String(index), size, step });
    show(at("leaf"), leaf);
    at("told").hidden = false;
    return verdict;
  });
}

function on(id, event, act) {
  at(id).addEventListener(event, (happened) => {
    happened.preventDefault();
    act(happened.currentTarget);
  });
}

on("log", "submit", () => told(async () => {
  use();
  await listEntries();
  await listCheckpoints();
}));
on("filters", "submit", () => told(() => listEntries()));
on("more-entries", "click", () => told(() => listEntries(following.entries)));
on("more-checkpoints", "click", () => told(() => listCheckpoints(following.checkpoints)));
on("prove", "submit", (form) => {
  const { index, size } = asked(form);
  prove(index, size);
});
on("consistency", "submit", (form) => watched((step) => {
  const { from, to } = asked(form);
  return proveGrowth({ vkey: at("vkey").value, from, to, step });
}));
function takeAddress() { // what `docledger serve` put behind the #: browsers send that to nobody
  const given = new URLSearchParams(location.hash.slice(1));
  for (const name of ["tenant", "token", "vkey"]) {
    if (given.has(name)) at(name).value = given.get(name);
  }
  if (location.hash) history.replaceState(null, "", location.pathname);
  if (given.has("tenant")) at("log").requestSubmit();
}

at("filters").addEventListener("reset", () => setTimeout(() => told(() => listEntries())));
takeAddress();
