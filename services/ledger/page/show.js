// Making elements of what the server said.

export function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

export function show(target, text, kind = "") {
  target.textContent = text;
  target.classList.remove("passed", "failed");
  if (kind) target.classList.add(kind);
}

export function fill(target, made) {
  (target.tBodies?.[0] ?? target).replaceChildren(...made);
}

export function amount({ amount: minor, scale, currency }) {
  const digits = String(Math.abs(minor)).padStart(scale + 1, "0");
  const cut = digits.length - scale;
  const fraction = scale ? `.${digits.slice(cut)}` : "";
  return `${minor < 0 ? "−" : ""}${digits.slice(0, cut)}${fraction} ${currency}`;
}

function button(text, spoken, act) {
  const made = element("button", text);
  made.type = "button";
  made.setAttribute("aria-label", spoken);
  made.addEventListener("click", act);
  return made;
}

const words = (code) => (code ?? "").replaceAll("_", " ");

export function entryRow(entry, prove) {
  const row = document.createElement("tr");
  const head = element("th", entry.index);
  head.scope = "row";
  const kind = element("td", words(entry.kind), `kind ${entry.kind}`);
  if (entry.reason) kind.append(element("span", words(entry.reason), "hint"));
  const postings = element("td");
  for (const posting of entry.postings) {
    const line = element("div", "", "posting");
    line.append(element("span", posting.account), element("span", amount(posting), "amount"));
    postings.append(line);
  }
  const proof = element("td");
  proof.append(button("Verify", `Verify entry ${entry.index}`, () => prove(entry.index)));
  row.append(head, kind, element("td", words(entry.type)), element("td", entry.date ?? ""), postings, proof);
  return row;
}

export function checkpointRow(one, choose) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  head.scope = "row";
  if (one.key_closed) head.append(`${one.size} (its key was closed: counts no more)`);
  else head.append(button(one.size, `Prove growth from size ${one.size}`, () => choose(one.size)));
  const at = element("td");
  if (one.recorded_at) {
    const time = element("time", new Date(one.recorded_at).toLocaleString());
    time.dateTime = one.recorded_at;
    at.append(time);
  }
  const root = element("td");
  root.append(element("code", one.root));
  row.append(head, at, root);
  return row;
}
