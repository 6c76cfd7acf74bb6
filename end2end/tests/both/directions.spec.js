import { expect, test } from "../../fixtures/index.js";

const LINES = ["left to right", "שלום עולם", "again left to right"];

/** For each line of a node's text, the side of its box at which it begins. */
function sidesOf(node) {
  const text = node.firstChild;
  const box = node.getBoundingClientRect();
  let start = 0;
  return node.textContent.split("\n").map((line) => {
    const range = document.createRange();
    range.setStart(text, start);
    range.setEnd(text, start + line.length);
    start += line.length + 1;
    const { left, right } = range.getBoundingClientRect();
    return Math.abs(left - box.left) < Math.abs(right - box.right) ? "left" : "right";
  });
}

test("each line of a message has its own direction", async ({ feed, server }) => {
  await server.post("tenant_a", LINES.join("\n"));
  await server.post("tenant_a", LINES.slice(1).join("\n"));
  const [window] = await feed.open("tenant_a");
  expect(await window.messages.last().evaluate(sidesOf)).toEqual(["left", "right", "left"]);
  expect(await window.messages.first().evaluate(sidesOf)).toEqual(["right", "left"]);
});

test("the text field has the direction of its text", async ({ feed }) => {
  const [window] = await feed.open("tenant_a");
  const direction = () => window.message.evaluate((node) => getComputedStyle(node).direction);
  await window.message.fill(LINES[1]);
  expect(await direction()).toBe("rtl");
  await window.message.fill(LINES.join("\n"));
  expect(await direction()).toBe("ltr");
  expect(await window.message.evaluate((node) => getComputedStyle(node).unicodeBidi)).toBe("plaintext");
});
