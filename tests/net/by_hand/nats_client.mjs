// The NATS client of npm against the door of a node: run by hand, as the tests install nothing.
//
//   npm install @nats-io/transport-node            in a folder of its own
//   weft broker listen nats://127.0.0.1:4222
//   NODE_PATH=... node nats_client.mjs [nats://127.0.0.1:4222 [nats://127.0.0.1:4223]]
//
// With two addresses the second is the door of another node: what is published at one is read at
// the other. Prints a line for each check; ends with 1 at the first that fails.
import { createRequire } from "node:module";
const require = createRequire(process.cwd() + "/");
const { connect, headers } = require("@nats-io/transport-node");

const here = process.argv[2] ?? "nats://127.0.0.1:4222";
const there = process.argv[3] ?? here;

function check(what, good) {
  console.log((good ? "ok    " : "FAIL  ") + what);
  if (!good) process.exit(1);
}

async function take(subscription, count) {
  const out = [];
  const timer = setTimeout(() => subscription.unsubscribe(), 5000);
  for await (const message of subscription) {
    out.push(message);
    if (out.length === count) break;
  }
  clearTimeout(timer);
  return out;
}

const a = await connect({ servers: here, name: "a" });
const b = await connect({ servers: there, name: "b" });
check(`connected, max_payload ${a.info.max_payload}`, a.info.max_payload > 1024);

let subscription = b.subscribe("app.js.*");
await b.flush();
for (let i = 0; i < 1000; ++i) a.publish("app.js.n", `message ${i}`);
await a.flush();
let got = await take(subscription, 1000);
check("1000 messages, in order", got.every((m, i) => m.string() === `message ${i}`) && got.length === 1000);

subscription = b.subscribe("app.js.>", { max: 2 });
await b.flush();
const head = headers();
head.set("Trace", "7");
a.publish("app.js.deep.er", "with headers", { headers: head });
a.publish("app.js.x", new Uint8Array([0, 255, 13, 10]));
got = await take(subscription, 2);
check("headers", got[0].headers?.get("Trace") === "7" && got[0].subject === "app.js.deep.er");
check("bytes", Buffer.from(got[1].data).equals(Buffer.from([0, 255, 13, 10])));
check("a subscription with a maximum ends", subscription.isClosed());

b.subscribe("app.js.echo", { callback: (_, m) => m.respond(m.data) });
await b.flush();
const reply = await a.request("app.js.echo", "hello", { timeout: 2000 });
check("request and reply", reply.string() === "hello");
const many = await Promise.all(
  Array.from({ length: 200 }, (_, i) => a.request("app.js.echo", String(i), { timeout: 5000 })));
check("200 requests at once", many.every((m, i) => m.string() === String(i)));

const seen = [[], []];
for (const i of [0, 1])
  (i ? a : b).subscribe("app.js.work", { queue: "workers", callback: (_, m) => seen[i].push(m.string()) });
await Promise.all([a.flush(), b.flush()]);
await new Promise((done) => setTimeout(done, 500));
for (let i = 0; i < 100; ++i) a.publish("app.js.work", String(i));
await a.flush();
await new Promise((done) => setTimeout(done, 1000));
check(`a queue group shares: ${seen[0].length} and ${seen[1].length}`,
  new Set([...seen[0], ...seen[1]]).size === 100 && seen[0].length + seen[1].length === 100 &&
  seen[0].length > 10 && seen[1].length > 10);

let why = "";
try {
  await a.request("$JS.API.INFO", "", { timeout: 2000 });
} catch (error) {
  why = error.message;
}
check(`JetStream is refused at once: ${why}`, /no responders/i.test(why));
try {
  a.publish("app.js.large", new Uint8Array(a.info.max_payload + 1));
} catch (error) {
  why = error.message;
}
check(`too large: ${why}`, /max_payload/i.test(why));
await a.drain();
await b.drain();
console.log("all ok");
