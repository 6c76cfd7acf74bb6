// Tests a post that the server does not answer: a proxy or an error answers it, or nothing does.
import { NO_ANSWER, expect, routePosts, test } from "../../fixtures/index.js";

/** Answers that a proxy between the page and its server may give to a post. */
const PROXIES = {
  "a sign-in page": { contentType: "text/html", body: "<!doctype html><title>Sign in</title>" },
  "an empty page": { contentType: "text/html", body: "" },
  "JSON that is not an event": { contentType: "application/json", body: "{}" },
  null: { status: 201, contentType: "application/json", body: "null" },
};

for (const [name, answer] of Object.entries(PROXIES)) {
  test(`a post that ${name} answers is explained in plain words, and keeps its text`, async ({ feed, context }) => {
    const [window] = await feed.open("tenant_a");
    const restore = await routePosts(context, (route) => route.fulfill(answer));
    await window.post("do not lose me");
    await expect(window.error).toContainText(
      "The answer did not come from the server, but perhaps from a proxy's " +
        "sign-in page. Your text is kept here. Reload the page to sign in, then try again.",
    );
    await expect(window.message).toHaveValue("do not lose me");
    await expect(window.status).toBeEmpty();
    await restore();
    await window.retry.click();
    await expect(window.messages).toHaveText(["do not lose me"]);
    await expect(window.error).toBeHidden();
  });
}

/** The ways to lose an answer. The page cannot know if the server accepted the message. */
const LOSSES = {
  "no answer": (route) => route.abort("connectionreset"),
  "a proxy's own 502": (route) => route.fulfill({ status: 502, contentType: "text/html", body: "<h1>Bad</h1>" }),
  "a proxy's own 504 in JSON": (route) => route.fulfill({ status: 504, json: { detail: "upstream timed out" } }),
  "the server's 504": (route) =>
    route.fulfill({
      status: 504,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "urn:event-feed:problem:unsettled", title: "Unsettled", status: 504, detail: "?" }),
    }),
};

for (const [name, lose] of Object.entries(LOSSES)) {
  test(`after ${name} the page shows that the message may have been posted`, async ({ feed, context }) => {
    feed.expectNetworkErrors();
    const [window] = await feed.open("tenant_a");
    const restore = await routePosts(context, lose);
    await window.post("perhaps");
    await expect(window.error).toContainText(NO_ANSWER);
    await expect(window.message).toHaveValue("perhaps");
    await restore();
    await window.retry.click();
    await expect(window.messages).toHaveText(["perhaps"]);
  });
}

test("only after a refusal the page shows that a message is not posted", async ({ feed, context }) => {
  feed.expectNetworkErrors();
  const [window] = await feed.open("tenant_a");
  await routePosts(context, (route) =>
    route.fulfill({
      status: 503,
      contentType: "application/problem+json",
      body: JSON.stringify({ type: "about:blank", title: "Full", status: 503, detail: "the server is full." }),
    }),
  );
  await window.post("refused");
  await expect(window.error).toContainText("Not posted: the server is full.");
  await expect(window.message).toHaveValue("refused");
});
