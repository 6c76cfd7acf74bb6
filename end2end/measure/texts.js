// Makes messages of English words, so that their size after compression is that of people's messages.
const WORDS = `
the server sends every event once and in order to each of its clients while other people post messages about
deploys builds alerts invoices tickets customers payments orders shipments errors retries latency queues
workers regions zones nodes disks memory releases branches merges reviews comments approvals meetings
calendars holidays weather football music coffee lunch please thanks today tomorrow yesterday monday friday
check restart rollback failed passed green red slow fast blocked waiting done started finished
`
  .trim()
  .split(/\s/);

/** Returns `count` messages of `length` characters. They are the same in each run. */
export function texts(count, length) {
  let state = 1;
  // The multiplier and the modulus of Park and Miller's generator.
  const next = () => (state = (state * 48_271) % 2_147_483_647);
  return Array.from({ length: count }, () => {
    let text = "";
    while (text.length < length) text += `${WORDS[next() % WORDS.length]} `;
    return text.slice(0, length).trim().padEnd(length, ".");
  });
}
