// Write the call that the form makes for curl, Python's clients and JavaScript, ready to run.

import { address } from "./calls.js";
import { javascript, mediaType, printed, python, shell, string } from "./quoting.js";

const GATEWAY = "http://127.0.0.1:8787";

/** The snippets for a call; `app` is the name it is, or may be, deployed under on fal. */
export function snippets({ path, endpoint, streaming, values, app, deployed }) {
  const call = { path, endpoint, streaming, values, app };
  return {
    curl: curl(call, deployed),
    fal: deployed ? falDeployed(call) : falHere(call),
    requests: requests(call, deployed),
    replicate: replicate(call, deployed),
    javascript: deployed ? javascriptDeployed(call) : javascriptHere(call),
  };
}

function curl({ path, values, streaming }, deployed) {
  const lines = [
    `curl ${streaming ? "-N " : ""}-X POST ${shell(address(path))} \\`,
    "  -H 'Content-Type: application/json' \\",
    ...(deployed ? ['  -H "Authorization: Key $FAL_KEY" \\'] : []),
  ];
  const parts = printed(values);
  if (!parts) return [...lines, `  -d ${shell(JSON.stringify(values, null, 2))}`].join("\n");
  return [`{ ${parts.join("\n  ")}; } |`, ...lines, "  --data-binary @-"].join("\n");
}

const encoded = (name) => `fal_client.encode_file(${string(name)})`;

function falDeployed({ app, path, endpoint, streaming, values }) {
  const written = python(values, (name) => `fal_client.upload_file(${string(name)})`);
  const target = endpoint === "/" ? app : app + endpoint;
  if (!streaming) return `import fal_client\n\narguments = ${written}\nprint(fal_client.subscribe(${string(target)}, arguments=arguments))`;
  return `import fal_client\n\narguments = ${written}\nfor event in fal_client.stream(${string(app)}, arguments=arguments, path=${string(path)}):\n    print(event)`;
}

/** fal's client knows no server but fal's: its address is replaced, and the rest stays. */
function falHere({ app, path, endpoint, streaming, values }) {
  const head = `import fal_client\n\n# this server in place of https://fal.run/; without the line, and with\n# fal_client.subscribe(${string(endpoint === "/" ? app : app + endpoint)}, ...), it calls the deployed app\nfal_client.client.RUN_URL_FORMAT = ${string(address("/"))}\nclient = fal_client.SyncClient(key="unused")\n`;
  const written = python(values, encoded);
  const target = string(path.slice(1));
  if (!streaming) return `${head}arguments = ${written}\nprint(client.run(${target}, arguments=arguments))`;
  return `${head}arguments = ${written}\nfor event in client.stream(${target}, arguments=arguments, path=""):\n    print(event)`;
}

function requests({ path, values, streaming }, deployed) {
  let files = false;
  const written = python(values, (name, url) => { files = true; return `data_url(${string(name)}, "${mediaType(url)}")`; });
  const imports = [...(files ? ["import base64"] : []), ...(deployed ? ["import os"] : []), ...(files ? ["from pathlib import Path"] : [])];
  const helper = files ? 'def data_url(path, media_type):\n    data = base64.b64encode(Path(path).read_bytes()).decode()\n    return f"data:{media_type};base64,{data}"\n\n\n' : "";
  const key = deployed ? '    headers={"Authorization": "Key " + os.environ["FAL_KEY"]},\n' : "";
  const post = `response = requests.post(\n    ${string(address(path))},\n    json=arguments,\n${key}${streaming ? "    stream=True,\n" : ""})\nresponse.raise_for_status()\n`;
  const end = streaming ? "for line in response.iter_lines(decode_unicode=True):\n    if line.startswith(\"data:\"):\n        print(line[5:].strip())" : "print(response.json())";
  return `${imports.length ? `${imports.join("\n")}\n\n` : ""}import requests\n\n${helper ? `\n${helper}` : ""}arguments = ${written}\n${post}${end}`;
}

function replicate({ app, endpoint, streaming, values }, deployed) {
  if (endpoint !== "/") return "# Replicate's client reaches the predictor alone.";
  const written = python(values, (name) => `open(${string(name)}, "rb")`);
  const target = deployed ? app : address("/").replace(/\/$/, "");
  const head = `# beside it: ${`cogfal gateway ${shell(`${app}=${target}`)}`}\nimport replicate\n\nclient = replicate.Client(base_url=${string(GATEWAY)}, api_token="${deployed ? "your fal key" : "unused"}")\narguments = ${written}\n`;
  return streaming
    ? `${head}for event in client.stream(${string(app)}, input=arguments):\n    print(event, end="")`
    : `${head}print(client.run(${string(app)}, input=arguments))`;
}

function javascriptHere({ path, streaming, values }) {
  let files = false;
  const body = javascript(values, (name, url) => { files = true; return `await dataUrl(${string(name)}, "${mediaType(url)}")`; }, 0);
  const head = files ? 'import { readFile } from "node:fs/promises";\n\nconst dataUrl = async (path, type) => `data:${type};base64,${(await readFile(path)).toString("base64")}`;\n' : "";
  const call = `const input = ${body};\nconst response = await fetch(${string(address(path))}, {\n  method: "POST",\n  headers: { "content-type": "application/json" },\n  body: JSON.stringify(input),\n});\n`;
  const end = streaming ? "for await (const text of response.body.pipeThrough(new TextDecoderStream())) console.log(text);" : "console.log(await response.json());";
  return head + call + end;
}

function javascriptDeployed({ app, path, endpoint, streaming, values }) {
  const input = javascript(values, (name) => `await fal.storage.upload(new Blob([await readFile(${string(name)})]))`);
  const files = input.includes("await readFile(") ? 'import { readFile } from "node:fs/promises";\n' : "";
  const head = `${files}import { fal } from "@fal-ai/client";\n\nconst input = ${input};\n`;
  if (!streaming) return `${head}const result = await fal.subscribe(${string(endpoint === "/" ? app : app + endpoint)}, { input });\nconsole.log(result.data);`;
  return `${head}const stream = await fal.stream(${string(app)}, { input, path: ${string(path)} });\nfor await (const event of stream) console.log(event);\nconsole.log(await stream.done());`;
}
