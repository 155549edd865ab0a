// Signs with GitHub's own library what it reads, {"secret", "body"} a line, and answers each with a line: the header's value.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Node looks for packages beside the script, and these are elsewhere.
const folder = `${process.env.NODE_MODULES}/@octokit/webhooks-methods`;
const { exports } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
const { sign } = await import(pathToFileURL(`${folder}/${exports["."].node.import}`));

for await (const line of createInterface({ input: process.stdin })) {
  const { secret, body } = JSON.parse(line);
  console.log(await sign(secret, body));
}
