// Call the app: one request with its id, its events as they come, its failure in one shape.

const EVENTS = "text/event-stream";

/** A refused or failed call: `status`, and `problems` as fal's error entries. */
export class CallFailed extends Error {
  constructor(status, detail, logs) {
    const problems = Array.isArray(detail) ? detail : [{ loc: ["body"], msg: String(detail) }];
    super(problems.map((problem) => problem.msg).join("; "));
    Object.assign(this, { status, problems, logs });
  }
}

/**
 * Start a call. `watch` gets each JSON object as it arrives, the whole answer last; `done` settles
 * when the call has ended, and `cancel()` asks the app to end it, which then fails with status 499.
 */
export function start(path, values, watch) {
  const id = crypto.randomUUID();
  const aborter = new AbortController();
  const headers = { "x-fal-request-id": id };
  const done = call(path, values, watch, headers, aborter.signal);
  const cancel = async () => {
    const answer = await fetch(address(path === "/" ? "/cancel" : `${path}/cancel`), { method: "POST", headers });
    if (!answer.ok) aborter.abort();
  };
  return { id, done, cancel };
}

/** The address of a path of the app, which may itself live below a path. */
export const address = (path) => new URL(path.slice(1), new URL("./", document.baseURI)).href;

async function call(path, values, watch, headers, signal) {
  const response = await fetch(address(path), {
    method: "POST",
    signal,
    headers: { ...headers, "content-type": "application/json", "x-cogfal-logs": "1" },
    body: JSON.stringify(values),
  });
  if (!response.ok) throw await failure(response);
  if (!response.headers.get("content-type")?.startsWith(EVENTS)) return watch(await response.json());
  for await (const event of events(response.body)) {
    if (event.error !== undefined) throw new CallFailed(event.status ?? 500, event.detail ?? event.error, event.logs);
    watch(event);
  }
}

async function failure(response) {
  const text = await response.text();
  try {
    const body = JSON.parse(text);
    return new CallFailed(response.status, body.detail ?? text, body.logs);
  } catch {
    return new CallFailed(response.status, text || response.statusText);
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
