// Finds the addresses in a message that become links, by the rules of src/client/links.rs.

const SCHEME = /(?<![A-Za-z0-9])https?:\/\//gi;
/** Ends a link: space, quotes, and the punctuation of other scripts, which may follow an address without a space. */
const END = /[\p{Cc}\s"<>\\^`{|}\xab\xbb\u060c\u061b-\u061f\u06d4\u0964\u0965\u2000-\u206f\u3000-\u303f\uff00-\uffef]/u;
/** Ends a link too: marks of direction and characters that are not seen. */
const UNSEEN = /[\p{Default_Ignorable_Code_Point}\u2800\u{e0000}-\u{10ffff}]/u;
/** A host of ASCII characters, perhaps with a port: no user name in front of it, no letters of other scripts. */
const HOST = /^[a-z0-9[][a-z0-9.:[\]-]*$/i;

/** An address without the punctuation of a sentence at its end. A bracket stays if it closes one in the address. */
function withoutPunctuation(address) {
  const last = address.at(-1);
  const count = (bracket) => address.split(bracket).length;
  const open = { ")": "(", "]": "[" }[last];
  const ends = open ? count(open) < count(last) : /[.,;:!?'*_~([]$/.test(address);
  return ends ? withoutPunctuation(address.slice(0, -1)) : address;
}

/** Splits a message into its parts, in order: each a `text`, or an address that may be a `link`. */
export function partsOf(message) {
  const parts = [];
  let end = 0;
  for (const { index, 0: scheme } of message.matchAll(SCHEME)) {
    if (index < end) continue; // it is in a link
    const run = message
      .slice(index + scheme.length)
      .split(END, 1)[0]
      .split(UNSEEN, 1)[0];
    const address = withoutPunctuation(run);
    if (!HOST.test(address.split(/[/?#]/, 1)[0])) continue;
    parts.push({ text: message.slice(end, index) }, { link: scheme + address });
    end = index + scheme.length + address.length;
  }
  return [...parts, { text: message.slice(end) }].filter(({ text }) => text !== "");
}
