// Call the app: one request with its id, its events as they come, its failure in one shape.

const EVENTS = "text/event-stream";
const PAUSE = 400; // milliseconds between two looks at a run

/** A refused or failed call: `status`, `problems` as fal's error entries, and the whole `answer`. */
export class CallFailed extends Error {
  constructor(status, detail, answer = {}) {
    const problems = Array.isArray(detail) ? detail : [{ loc: ["body"], msg: String(detail) }];
    super(problems.map((problem) => problem.msg).join("; "));
    Object.assign(this, { status, problems, answer, logs: answer.logs });
  }
}

/** A random id; `crypto.randomUUID` is only there where the page came over HTTPS or from this machine. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * Start a call. `watch.receive` gets each JSON object as it arrives, the whole answer last, and
 * `watch.stand` how the run stands meanwhile (`status`, `ahead`, `logs`). `done` settles when the
 * call has ended, and `cancel()` asks the app to end it, which then fails with status 499. `raw` is
 * the request, and what came back.
 */
export function start(path, values, watch) {
  const id = newId();
  const aborter = new AbortController();
  const headers = { "x-fal-request-id": id };
  const raw = { method: "POST", url: address(path), headers: { ...headers, "content-type": "application/json", "x-cogfal-logs": "1" }, body: values };
  const done = call(raw, watch.receive, aborter.signal);
  const over = done.then(() => aborter.abort(), () => aborter.abort());
  look(id, watch.stand, aborter.signal);
  const cancel = async () => {
    const answer = await fetch(address(path === "/" ? "/cancel" : `${path}/cancel`), { method: "POST", headers });
    if (!answer.ok) aborter.abort();
  };
  return { id, done, over, cancel, raw };
}

/** The address of a path of the app, which may itself live below a path. */
export const address = (path) => new URL(path.slice(1), new URL("./", document.baseURI)).href;

async function call(raw, receive, signal) {
  const response = await fetch(raw.url, { method: "POST", signal, headers: raw.headers, body: JSON.stringify(raw.body) });
  raw.status = response.status;
  raw.answerHeaders = Object.fromEntries(response.headers);
  if (!response.ok) throw await failure(response);
  if (!response.headers.get("content-type")?.startsWith(EVENTS)) return receive(await response.json());
  for await (const event of events(response.body)) {
    if (event.error !== undefined) throw new CallFailed(event.status ?? 500, event.detail ?? event.error, event);
    receive(event);
  }
}

/** Ask how a run stands, again and again until it has ended. */
async function look(id, stand, signal) {
  for (let from = 0; !signal.aborted; await new Promise((resolve) => setTimeout(resolve, PAUSE))) {
    const answer = await fetch(address(`/playground/runs/${id}?from=${from}`), { signal }).catch(() => null);
    if (answer === null || (!answer.ok && answer.status !== 204)) return;
    if (answer.status === 204) continue;
    const told = await answer.json().catch(() => null);
    if (told === null || signal.aborted) return;
    from = told.next;
    stand(told);
  }
}

async function failure(response) {
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return new CallFailed(response.status, body.detail ?? text, body);
  } catch {
    return new CallFailed(response.status, text || response.statusText, { detail: text });
  }
}

/** The JSON of each server-sent event; comments that keep the connection alive are passed over. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (rest + value).split(/\r?\n\r?\n/);
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split(/\r?\n/).filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trimStart());
      if (data.length) yield JSON.parse(data.join("\n"));
    }
  }
}
