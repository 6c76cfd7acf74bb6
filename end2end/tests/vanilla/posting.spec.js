import { expect, test } from "../../fixtures/index.js";

/** Answers every post with `answer` until it is taken off; everything else goes its way. */
async function answerPosts(context, answer) {
  const handle = (route) => (route.request().method() === "POST" ? answer(route) : route.fallback());
  await context.route("**/events", handle);
  return () => context.unroute("**/events", handle);
}

/** What stands between the page and its server may answer a post, and knows nothing of events. */
const STRANGERS = {
  "a sign-in page": { contentType: "text/html", body: "<!doctype html><title>Sign in</title>" },
  "an empty page": { contentType: "text/html", body: "" },
  "JSON that is not an event": { contentType: "application/json", body: "{}" },
  "null": { status: 201, contentType: "application/json", body: "null" },
};

for (const [name, answer] of Object.entries(STRANGERS)) {
  test(`a post that ${name} answers is explained in plain words, and keeps its text`, async ({ feed, context }) => {
    const [window] = await feed.open("tenant_a");
    const restore = await answerPosts(context, (route) => route.fulfill(answer));
    await window.post("do not lose me");
    await expect(window.error).toHaveText("The answer did not come from the server, but perhaps from a proxy's sign-in "
      + "page. Your text is kept here. Reload the page to sign in, then try again.");
    await expect(window.message).toHaveValue("do not lose me");
    await expect(window.status).toBeEmpty();
    await restore();
    await window.retry.click();
    await expect(window.messages).toHaveText(["do not lose me"]);
    await expect(window.error).toBeEmpty();
  });
}
