// Checks public/asyncapi.json: it is valid AsyncAPI 3, and the frames of a live session are as it describes them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { Parser } from "@asyncapi/parser";
import { Ajv2020 } from "ajv/dist/2020.js";
import WebSocket from "ws";

import { Server } from "../fixtures/server.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../public/${name}`, import.meta.url), "utf8"));
const text = JSON.stringify(read("asyncapi.json"));
const description = read("asyncapi.json");
const { schemas } = description.components;

test("the description is valid AsyncAPI 3", async () => {
  const { document, diagnostics } = await new Parser().parse(text);
  const found = diagnostics.map(({ severity, path, message }) => `${severity} ${path.join(".")}: ${message}`);
  // Severity 0 is an error, 1 a warning. The rest are hints, such as that a newer version of AsyncAPI exists.
  assert.deepEqual(
    found.filter((line) => /^[01]/.test(line)),
    [],
  );
  assert.equal(document.version(), "3.0.0");
});

test("both descriptions have the same tenants, times and events", () => {
  const { components } = read("openapi.json");
  for (const name of ["Tenant", "Timestamp", "Event"]) assert.deepEqual(schemas[name], components.schemas[name], name);
});

/** All fields that a schema describes, also by reference. */
function fieldsOf({ properties = {}, allOf = [], $ref }) {
  const referred = $ref ? [schemas[$ref.split("/").at(-1)]] : [];
  return [...Object.keys(properties), ...[...allOf, ...referred].flatMap(fieldsOf)];
}

test("every frame of a live session is as described, and every described frame is sent", async (t) => {
  const ajv = new Ajv2020({ validateFormats: false, allErrors: true }); // a pattern checks what each format says
  ajv.addKeyword("components"); // holds the referred schemas
  const messages = Object.values(description.components.messages);
  const kindOf = ({ payload }) => ({ payload, validate: ajv.compile({ ...payload, components: { schemas } }) });
  const kinds = Object.fromEntries(messages.map((message) => [message.name, kindOf(message)]));

  const server = await Server.start({ heartbeat: 200 });
  t.after(() => server.kill());
  const served = await (await fetch(`${server.origin}/asyncapi.json`)).json();
  assert.deepEqual(served, description);
  const { address } = served.channels.feed;
  for (const tenant of ["tenant_a", "tenant_b"]) {
    const socket = new WebSocket(`${server.origin.replace("http", "ws")}${address}?tenant=${tenant}`);
    t.after(() => socket.terminate());
    const seen = new Set();
    const complete = new Promise((resolve, reject) => {
      socket.on("message", (data) => {
        const frame = JSON.parse(data);
        const kind = kinds[frame.type];
        if (!kind) return reject(new Error(`${frame.type} is not described`));
        if (!kind.validate(frame)) return reject(new Error(`${data}: ${ajv.errorsText(kind.validate.errors)}`));
        const unknown = Object.keys(frame).filter((field) => !fieldsOf(kind.payload).includes(field));
        if (unknown.length) return reject(new Error(`${frame.type} has fields that are not described: ${unknown}`));
        seen.add(frame.type);
        if (seen.size === messages.length) resolve();
      });
      socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
    });
    await once(socket, "open");
    await server.post(tenant, "An event with 😀, a tab\tand a\nline feed");
    await complete;
    socket.removeAllListeners("close");
  }
});
