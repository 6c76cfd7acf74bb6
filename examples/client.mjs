// Prints Tenant A's messages, each once and in order, and reconnects: node client.mjs [HOST:PORT]
const feed = process.argv[2] ?? "localhost:3000";
const tenant = "tenant_a";
let epoch; // changes when the feed begins again
let shown = 0; // the `seq` up to which all events of that process are printed
let reconnectMs = 500;
let attempts = 0;

function show(seq, event) {
  if (event.tenant_id !== tenant) return console.error("alarm: an event of another tenant");
  if (seq <= shown) return;
  console.log(event.message);
  shown = seq;
}

async function showList(least) {
  const limit = AbortSignal.timeout(10_000);
  const answer = await fetch(`http://${feed}/events`, { headers: { "X-Tenant-ID": tenant }, signal: limit });
  const events = await answer.json();
  const [itsEpoch, seq] = answer.headers.get("Feed-Position").split(":");
  if (itsEpoch !== epoch || seq < least) throw new Error("this list is not the connection's, or too old");
  events.reverse().forEach((event, i) => show(seq - events.length + 1 + i, event));
  shown = Number(seq);
}

function connect() {
  const socket = new WebSocket(`ws://${feed}/ws?tenant=${tenant}`);
  let heartbeatMs = 5_000; // until the hello: so it has 10 s to arrive
  let silence, stable;
  let handled = Promise.resolve();

  function lost({ code }) {
    if (socket.onmessage === null) return;
    socket.onmessage = null;
    socket.close();
    clearTimeout(silence);
    clearTimeout(stable);
    if (code === 1008) return console.error("stopped: the server refuses this client");
    setTimeout(connect, Math.random() * Math.min(30_000, reconnectMs * 2 ** attempts++));
  }
  function heard() {
    clearTimeout(silence);
    silence = setTimeout(lost, 2 * heartbeatMs, {});
  }
  async function handle({ type, seq, event, ...frame }) {
    if (socket.onmessage === null) return;
    if (type === "connection_established") {
      if (frame.epoch !== epoch) [epoch, shown] = [frame.epoch, 0];
      heartbeatMs = frame.heartbeat_ms;
      heard();
      if (seq > shown) await showList(seq);
      if (socket.onmessage !== null) stable = setTimeout(() => (attempts = 0), 10_000);
    } else if (type === "event_created") {
      if (seq > shown + 1) await showList(seq);
      show(seq, event);
    } else if (type === "heartbeat" && seq > shown) await showList(seq);
    reconnectMs = frame.reconnect_ms ?? reconnectMs;
  }

  heard();
  socket.onmessage = ({ data }) => {
    heard();
    handled = handled.then(() => handle(JSON.parse(data))).catch(lost);
  };
  socket.onclose = socket.onerror = lost;
}

connect();
