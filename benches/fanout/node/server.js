// Serves as the baseline in Node: Express for posts, ws for sockets, one `send` per connection and event.
"use strict";

const { randomUUID } = require("node:crypto");
const http = require("node:http");
const express = require("express");
const { WebSocketServer } = require("ws");

const epoch = randomUUID();
const tenants = new Map(["tenant_a", "tenant_b"].map((id) => [id, { seq: 0, sockets: new Set() }]));

const app = express();
app.disable("x-powered-by");
app.use(express.json());
app.get("/healthz", (_request, response) => void response.type("text").send("ok\n"));
app.post("/events", (request, response) => {
  const id = request.get("x-tenant-id");
  const tenant = tenants.get(id);
  if (!tenant) return void response.sendStatus(401);
  const { message } = request.body;
  const event = { id: randomUUID(), tenant_id: id, message, timestamp: new Date().toISOString() };
  const frame = JSON.stringify({ type: "event_created", seq: ++tenant.seq, event });
  for (const socket of tenant.sockets) socket.send(frame);
  response.status(201).json(event);
});

const server = http.createServer(app);
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on("upgrade", (request, tcp, head) => {
  const id = new URL(request.url, "http://localhost").searchParams.get("tenant");
  const tenant = tenants.get(id);
  if (!tenant) return void tcp.destroy();
  sockets.handleUpgrade(request, tcp, head, (socket) => {
    socket.on("error", () => socket.terminate());
    socket.on("close", () => tenant.sockets.delete(socket));
    const [connection_id, timestamp] = [randomUUID(), new Date().toISOString()];
    const told = { epoch, seq: tenant.seq, heartbeat_ms: 15_000, reconnect_ms: 500, connections: 1, build: "" };
    socket.send(JSON.stringify({ type: "connection_established", tenant_id: id, connection_id, timestamp, ...told }));
    tenant.sockets.add(socket);
  });
});
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
