// Asking the auditor API. The token lives in this module's memory and goes nowhere else.

export class AnswerError extends Error {}

const SAID = {
  401: "the server wants a token: paste one that is made for this address",
  403: "this account may not read here: ask the operator",
  404: "there is none, or it is not yours to see: check tenant, index and size",
  429: "too many requests of yours at once: wait a moment",
};

let token = "";
let tenant = "";

export function use(chosen) {
  ({ token, tenant } = chosen);
}

async function ask(path, asked = {}) {
  const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== ""));
  const headers = token === "" ? {} : { authorization: `Bearer ${token}` };
  const address = `/v1/tenants/${encodeURIComponent(tenant)}/${path}${query.size ? `?${query}` : ""}`;
  let answer;
  try {
    answer = await fetch(address, { headers, redirect: "error", referrerPolicy: "no-referrer" });
  } catch {
    throw new AnswerError("the server cannot be reached");
  }
  if (!answer.ok) throw new AnswerError(await reason(answer));
  return answer;
}

async function reason(answer) {
  let problem = {};
  try {
    problem = await answer.json();
  } catch {
    // somebody between us and the server answered
  }
  if (problem.code === "log_damaged") return "the server says that its log is damaged: tell the operator";
  if (problem.code === "log_unsigned") return "the server says that no open key signed its log: tell the operator";
  return SAID[answer.status] ?? `the server answered ${answer.status}: ${problem.message ?? "try again later"}`;
}

const json = async (path, asked) => (await ask(path, asked)).json();

export const entries = (asked) => json("entries", asked);
export const entry = (index) => json(`entries/${index}`);
export const checkpoints = (after) => json("checkpoints", { after, limit: 20 });
export const consistency = (from, to) => json("consistency", { from, to });
export const proof = async (index, size) =>
  new Uint8Array(await (await ask(`entries/${index}/proof`, { size })).arrayBuffer());
