// Use Replicate's JavaScript client: print what each call gives, a line of JSON each.
import { createRequire } from "node:module";

const require = createRequire(`${process.env.NODE_MODULES}/x.js`);
const Replicate = require("replicate");
const replicate = new Replicate({ auth: process.env.REPLICATE_API_TOKEN, baseUrl: `${process.env.REPLICATE_BASE_URL}/v1` });

async function plain(value) {
  if (Array.isArray(value)) return Promise.all(value.map(plain));
  return value instanceof ReadableStream ? { file: await (await value.blob()).text() } : value;
}

async function streamed(ref, input, options = {}) {
  let text = "";
  let last = null;
  for await (const event of replicate.stream(ref, { input, ...options })) {
    text += event.toString();
    last = event.event;
  }
  return [text, last];
}

const cases = {
  run_text: () => replicate.run("me/model", { input: { do: "echo", text: "hi" } }),
  run_polling: () => replicate.run("me/model", { input: { do: "echo", text: "hi" }, wait: { mode: "poll", interval: 50 } }),
  run_file_out: async () => plain(await replicate.run("me/model", { input: { do: "paint" } })),
  run_list_out: async () => plain(await replicate.run("me/model", { input: { do: "paint-two" } })),
  run_file_in: () => replicate.run("me/model", { input: { do: "read", file: new Blob(["the bytes"]) } }),
  run_version: async () => (await replicate.run("me/words:words-1", { input: { do: "words" } })).join(""),
  run_failing: () => replicate.run("me/model", { input: { do: "fail" } }).catch((error) => error.message),
  run_wrong_input: () => replicate.run("me/model", { input: { do: "refuse", count: 99 } }).catch((error) => error.message),
  create_and_wait: async () => {
    const made = await replicate.predictions.create({ model: "me/model", input: { do: "echo", text: "hi" } });
    const done = await replicate.wait(made, { interval: 50 });
    return [made.status, made.output, done.status, done.output];
  },
  create_and_cancel: async () => {
    const made = await replicate.predictions.create({ model: "me/model", input: { do: "wait" } });
    const cancelled = await replicate.predictions.cancel(made.id);
    return [cancelled.status, (await replicate.predictions.get(made.id)).status];
  },
  stream: () => streamed("me/streams", { do: "echo" }, { stream: true }),
  stream_unasked: () => streamed("me/words", { do: "words" }),
  stream_failing: () => streamed("me/streams", { do: "fail" }, { stream: true }).catch((error) => error.message),
  paginate: async () => {
    for await (const page of replicate.paginate(replicate.predictions.list)) return page.length > 0;
  },
  get_model: async () => {
    const model = await replicate.models.get("me", "words");
    const version = await replicate.models.versions.get("me", "words", model.latest_version.id);
    return [model.name, version.id, version.openapi_schema.components.schemas.Output.type];
  },
  deployment: async () => {
    const found = await replicate.deployments.get("me", "model");
    const made = await replicate.deployments.predictions.create("me", "model", { input: { do: "echo", text: "hi" }, wait: true });
    return [found.current_release.model, made.output];
  },
  train: async () => {
    const version = (await replicate.models.get("me", "model")).latest_version.id;
    const made = await replicate.trainings.create("me", "model", version, { destination: "me/new", input: { steps: 4 } });
    let now = made;
    while (!["succeeded", "failed"].includes(now.status)) now = await replicate.trainings.get(made.id);
    return [now.status, now.output];
  },
  vanished: () => replicate.predictions.get(`p${"a".repeat(24)}0b0f0a52`).catch((error) => error.response.status),
  files: async () => {
    const made = await replicate.files.create(Buffer.from("kept"), { a: 1 });
    const got = await replicate.files.get(made.id);
    const listed = (await replicate.files.list()).results.some((one) => one.id === made.id);
    const used = await replicate.run("me/model", { input: { do: "read", file: made.urls.get } });
    return [got.size, got.metadata, listed, used, await replicate.files.delete(made.id)];
  },
  account: async () => (await replicate.accounts.current()).type,
  secret: async () => (await replicate.webhooks.default.secret.get()).key.slice(0, 6),
};

for (const [name, run] of Object.entries(cases)) {
  let said;
  try {
    said = { gives: (await run()) ?? null };
  } catch (error) {
    said = { raises: String(error) };
  }
  console.log(JSON.stringify({ case: name, ...said }));
}
