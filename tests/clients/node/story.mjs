// The frame of the stories that Node's clients play on a broker.
//
// A program marks its stories with story('a sentence', async () => {...}) and ends with tellAll(). Every story opens
// its own connections and removes what it made. The broker is named by the environment: AMQP_HOST, AMQP_PORT,
// AMQP_USER, AMQP_PASSWORD, AMQP_VHOST. Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the
// reason as `# ` lines below. A story that lasts longer than its limit fails.

import assert from 'node:assert/strict';
import {randomBytes} from 'node:crypto';
import {setTimeout as sleep} from 'node:timers/promises';

const storyLimitMs = 20_000;
const waitLimitMs = 10_000;

const {AMQP_HOST, AMQP_PORT, AMQP_USER, AMQP_PASSWORD, AMQP_VHOST} = process.env;
export const broker = {host: AMQP_HOST ?? '127.0.0.1', port: Number(AMQP_PORT ?? 5672), user: AMQP_USER ?? 'guest',
                       password: AMQP_PASSWORD ?? 'guest', vhost: AMQP_VHOST ?? '/'};

/** The address of the broker, with changes to what `broker` says. */
export function brokerUrl(changes = {}) {
  const {host, port, user, password, vhost} = {...broker, ...changes};
  const [login, secret, path] = [user, password, vhost].map(encodeURIComponent);
  return `amqp://${login}:${secret}@${host}:${port}/${path}`;
}

const stories = [];

export function story(name, tell) {
  stories.push({name, tell});
}

/** A name that no other story uses. */
export function unique(word) {
  return `story.${word}.${randomBytes(5).toString('hex')}`;
}

export function expectEqual(actual, expected, what) {
  assert.deepEqual(actual, expected, what === undefined ? undefined :
    `${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
}

export function expect(condition, what) {
  assert.ok(condition, what);
}

/** The promise's value, which must come in time. */
export async function within(promise, what, limitMs = waitLimitMs) {
  const ended = new AbortController();
  const late = sleep(limitMs, undefined, {signal: ended.signal})
    .then(() => assert.fail(`${what} within ${limitMs / 1000} s`), () => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    ended.abort();
  }
}

/** Asks again until `condition()` is true, for what no event tells. */
export async function until(condition, what) {
  const deadline = performance.now() + waitLimitMs;
  while (!await condition()) {
    expect(performance.now() < deadline, `${what} within ${waitLimitMs / 1000} s`);
    await new Promise(setImmediate);
  }
}

/** What callbacks put in, for those who wait for it. */
export class Events {
  #seen = [];
  #wake = () => {};

  put(event) {
    this.#seen.push(event);
    this.#wake();
  }

  get count() {
    return this.#seen.length;
  }

  /** The first `count` events, which are taken out. */
  async take(count, what) {
    while (this.#seen.length < count) {
      await within(new Promise((resolve) => { this.#wake = resolve; }), what);
    }
    return this.#seen.splice(0, count);
  }
}

async function play({tell}) {
  try {
    await within(Promise.resolve().then(tell), 'the end', storyLimitMs);
    return '';
  } catch (error) {
    return String(error?.stack ?? error);
  }
}

/** Plays all stories, or those whose names contain the program's first argument, and ends the program. */
export async function tellAll() {
  const chosen = stories.filter(({name}) => name.includes(process.argv[2] ?? ''));
  console.log(`1..${chosen.length}`);
  let failed = 0;
  for (const one of chosen) {
    const reason = await play(one);
    console.log(`${reason ? 'not ok' : 'ok'} ${one.name}`);
    if (reason) {
      failed += 1;
      console.log(reason.replace(/^/gm, '# '));
    }
  }
  process.exit(failed > 0 ? 1 : 0);
}
