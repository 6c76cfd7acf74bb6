// Tests which addresses in a message become links, and that no text can make a link look like another address.
import { expect, test } from "../../fixtures/index.js";

/** Messages, each with the links that it must have, and no other. */
const CASES = [
  ["see https://example.com/a_(b), please", ["https://example.com/a_(b)"]],
  ["(http://localhost:3000/?q=a&b=c#d).", ["http://localhost:3000/?q=a&b=c#d"]],
  ["https://a.example/x... and\nhttps://b.example!", ["https://a.example/x", "https://b.example"]],
  ["https://example.com/谢谢。然后", ["https://example.com/谢谢"]],
  ['<a href="https://evil.example/x">https://good.example</a>', ["https://evil.example/x", "https://good.example"]],
  ['https://example.com/"onmouseover="alert(1)', ["https://example.com/"]],
  ["javascript:alert(1) data:text/html,x //example.com vbscript:x", []],
  ["https://good.example@evil.example https://good.example:x@evil.example/", []],
  ["https://g\u043eod.example", []],
  ["https://good.example/\u202egpj.exe", ["https://good.example/"]],
  ["\u202ehttps://good.example/\u2066evil", ["https://good.example/"]],
  ["https://\u200bgood.example", []],
  ["https://a.example/\u061cx https://b.example/\ufeffx", ["https://a.example/", "https://b.example/"]],
];

/** Expects the links of a message, and that each is only what it shows. */
async function expectLinks(message, text, links) {
  await expect(message.locator("a")).toHaveText(links);
  // As it is, with its line ends: `toHaveText` would normalise white space.
  expect(await message.evaluate((node) => node.textContent)).toBe(text);
  expect(
    await message.evaluate((node) => Array.from(node.querySelectorAll("*"), ({ localName }) => localName)),
  ).toEqual(links.map(() => "a"));
  for (const [n, address] of links.entries()) {
    const link = message.locator("a").nth(n);
    await expect(link).toHaveAttribute("href", address);
    await expect(link).toHaveAttribute("target", "_blank");
    await expect(link).toHaveAttribute("rel", "noopener noreferrer nofollow");
    await expect(link).toHaveAttribute("dir", "ltr"); // no mark before it can turn it round
    expect(await link.evaluate((node) => node.childElementCount)).toBe(0);
  }
}

for (const from of ["the list", "the stream"]) {
  test(`addresses in messages from ${from} become links, whatever is around them`, async ({ feed, server }) => {
    const post = async () => {
      for (const [text] of CASES) await server.post("tenant_a", text);
    };
    if (from === "the list") await post();
    const [window] = await feed.open("tenant_a");
    if (from === "the stream") await post();
    await expect(window.messages).toHaveCount(CASES.length);
    for (const [n, [text, links]] of CASES.toReversed().entries()) {
      await expectLinks(window.messages.nth(n), text, links);
    }
  });
}

test("a link opens a new tab, which learns nothing of the page", async ({ feed, server, context }) => {
  await server.post("tenant_a", `open ${server.origin}/vanilla/ now`);
  const [window] = await feed.open("tenant_a");
  const opened = context.waitForEvent("page");
  await window.messages.locator("a").click();
  const tab = await opened;
  await tab.waitForLoadState();
  expect(tab.url()).toBe(`${server.origin}/vanilla/`);
  expect(await tab.evaluate(() => [globalThis.opener, document.referrer])).toEqual([null, ""]);
});
