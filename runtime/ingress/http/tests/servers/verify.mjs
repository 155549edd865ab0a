// Checks webhooks with the senders' own libraries. Reads one JSON object a line, {"sender", "secret", "body", "headers"}, and answers
// each with `true` or `false`: whether the library takes it.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

// Node looks for packages beside the script, and these are elsewhere.
const packages = process.env.NODE_MODULES;
const require = createRequire(`${packages}/`);

async function github() {
  // Only for `import`, which looks beside the script.
  const folder = `${packages}/@octokit/webhooks-methods`;
  const { exports } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const { verify } = await import(pathToFileURL(`${folder}/${exports["."].node.import}`));
  return ({ secret, body, headers }) => verify(secret, body, headers["x-hub-signature-256"]);
}

async function linear() {
  const { LinearWebhookClient } = await import(pathToFileURL(require.resolve("@linear/sdk/webhooks")));
  return ({ secret, body, headers }) => {
    const { webhookTimestamp } = JSON.parse(body);
    try {
      return new LinearWebhookClient(secret).verify(Buffer.from(body), headers["linear-signature"], webhookTimestamp);
    } catch {
      return false;
    }
  };
}

function discord() {
  const { verifyKey } = require("discord-interactions");
  const [signature, time] = ["x-signature-ed25519", "x-signature-timestamp"];
  return ({ secret, body, headers }) => verifyKey(body, headers[signature], headers[time], secret);
}

function shopify() {
  require("@shopify/shopify-api/adapters/node");
  const { ApiVersion, LogSeverity, shopifyApi } = require("@shopify/shopify-api");
  // What Shopify sends beside the signature; the library wants to see all of it.
  const beside = {
    "x-shopify-api-version": "2026-01",
    "x-shopify-shop-domain": "shop.myshopify.com",
    "x-shopify-topic": "orders/create",
    "x-shopify-webhook-id": "1",
  };
  return async ({ secret, body, headers }) => {
    const api = shopifyApi({
      apiKey: "an app",
      apiSecretKey: secret,
      apiVersion: Object.values(ApiVersion).at(-1),
      hostName: "app.example",
      isEmbeddedApp: false,
      logger: { level: LogSeverity.Error },
    });
    const rawRequest = { method: "POST", url: "/hook", headers: { ...beside, ...headers } };
    return (await api.webhooks.validate({ rawBody: body, rawRequest })).valid;
  };
}

const libraries = { discord: discord(), github: await github(), linear: await linear(), shopify: shopify() };

for await (const line of createInterface({ input: process.stdin })) {
  const asked = JSON.parse(line);
  console.log(JSON.stringify(await libraries[asked.sender](asked)));
}
