// Stories of @cloudamqp/amqp-client.

import {AMQPClient} from '@cloudamqp/amqp-client';

import {broker, brokerUrl, Events, expect, expectEqual, story, tellAll, unique, until, within} from './story.mjs';

const pseudoQueue = 'amq.rabbitmq.reply-to';

async function withConnection(tell, {query = '', ...changes} = {}) {
  const client = new AMQPClient(brokerUrl(changes) + query);
  client.logger = null;
  client.onerror = () => {};  // Told by the calls that fail, too.
  const connection = await client.connect();
  try {
    await tell(connection);
  } finally {
    if (!connection.closed) await connection.close();
  }
}

async function temporaryQueue(channel, args = {}) {
  return (await channel.queueDeclare('', {exclusive: true, autoDelete: false}, args)).name;
}

/** RabbitMQ counts before it has taken what was published just now: asks again until the count is right. */
function expectReady(channel, queue, count) {
  return until(async () => (await channel.queueDeclare(queue, {passive: true})).messageCount === count,
               `${count} messages in the queue`);
}

/** The action must end the channel, or the connection, with exactly this code and text. */
async function expectClosed(code, text, action) {
  const error = await within(action().then(() => assertClosed(text), (closed) => closed), `the error ${code} ${text}`);
  expect(error.message.includes(`${text} (${code})`), `expected ${text} (${code}) in ${error.message}`);
}

function assertClosed(text) {
  throw new Error(`nothing was closed, expected ${text}`);
}

story('the handshake negotiates what the client wants', () => withConnection(async (connection) => {
  expectEqual([connection.heartbeat, connection.frameMax, connection.channelMax], [7, 8192, 2047], 'tuning');
}, {query: '?heartbeat=7&frame_max=8192'}));

story('wrong passwords and vhosts are refused', async () => {
  await expectClosed(403, 'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see ' +
                     'the broker logfile.', () => withConnection(() => {}, {password: 'wrong'}));
  await expectClosed(530, 'NOT_ALLOWED - vhost nowhere not found', () => withConnection(() => {}, {vhost: 'nowhere'}));
});

story('a confirmed message comes back with its properties', () => withConnection(async (connection) => {
  const channel = await connection.channel();
  await channel.confirmSelect();
  const queue = await temporaryQueue(channel);
  const sent = {contentType: 'text/plain', contentEncoding: 'utf-8', deliveryMode: 2, priority: 4, correlationId: 'c-1',
                replyTo: 'somewhere', expiration: '60000', messageId: 'm-1', timestamp: new Date(1700000000000),
                type: 'kind', userId: broker.user, appId: 'stories',
                headers: {text: 'grün', number: 12, big: 2 ** 40, yes: true, half: 0.5, list: [1, 'two', [3]],
                          nested: {deep: {deeper: 'value'}}, negative: -5}};
  expectEqual(await channel.basicPublish('', queue, 'hello', sent), 1, 'number of the confirmed publish');
  const got = await channel.basicGet(queue, {noAck: true});
  expectEqual(got.bodyString(), 'hello', 'body');
  for (const [name, value] of Object.entries(sent)) expectEqual(got.properties[name], value, name);
  expectEqual([got.exchange, got.routingKey, got.redelivered, got.messageCount], ['', queue, false, 0], 'get-ok');
  expectEqual(await channel.basicGet(queue), null, 'an empty queue');
}));

story('many confirmed messages and large bodies arrive in order', () => withConnection(async (connection) => {
  const channel = await connection.channel();
  await channel.confirmSelect();
  const queue = await temporaryQueue(channel);
  const bodies = [Buffer.alloc(3 << 20, '\0\xff', 'latin1'), Buffer.alloc(0),
                  ...Array.from({length: 500}, (_, number) => Buffer.from(String(number)))];
  const publishes = bodies.map((body) => channel.basicPublish('', queue, body));
  const confirmed = await within(Promise.all(publishes), 'all confirms');
  expectEqual(confirmed, bodies.map((_, at) => at + 1), 'confirms');
  for (const body of bodies) {
    const got = (await channel.basicGet(queue, {noAck: true})).body ?? Buffer.alloc(0);
    expect(body.equals(got), `a body of ${body.length} bytes comes back`);
  }
}));

story('an unroutable mandatory message is returned before its confirm', () => withConnection(async (connection) => {
  const channel = await connection.channel();
  await channel.confirmSelect();
  const events = new Events();
  channel.onReturn = (message) => events.put([message.replyCode, message.replyText, message.bodyString()]);
  channel.basicPublish('', unique('missing'), 'lost', {}, true).then((number) => events.put(number));
  expectEqual(await events.take(2, 'return and confirm'), [[312, 'NO_ROUTE', 'lost'], 1], 'events');
}));

story('consumers take what the prefetch allows, acknowledge and refuse', () => withConnection(async (connection) => {
  const channel = await connection.channel();
  const queue = await temporaryQueue(channel);
  for (let number = 0; number < 6; ++number) await channel.basicPublish('', queue, String(number));
  await channel.basicQos(3);
  const got = new Events();
  const consumer = await channel.basicConsume(queue, {noAck: false}, (message) => got.put(message));
  const take = async (count, bodies) => {
    const messages = await got.take(count, `${count} messages`);
    expectEqual(messages.map((one) => `${one.bodyString()}${one.redelivered ? ' again' : ''}`), bodies, 'messages');
    return messages;
  };
  const [, second, third] = await take(3, ['0', '1', '2']);
  await expectReady(channel, queue, 3);
  await second.ack(true);
  const [, fifth] = await take(2, ['3', '4']);
  await third.reject(false);
  await take(1, ['5']);
  await fifth.nack(true, true);
  await take(2, ['3 again', '4 again']);
  await consumer.cancel();
  await channel.basicRecover(true);
  const back = [];
  for (let number = 0; number < 3; ++number) back.push(await channel.basicGet(queue, {noAck: true}));
  expectEqual(back.map((one) => [one.bodyString(), one.redelivered]), [['3', true], ['4', true], ['5', true]],
              'recovered');
}));

story('a consumer hears that its queue is gone', () => withConnection(async (connection) => {
  const [consuming, deleting] = [await connection.channel(), await connection.channel()];
  const queue = await temporaryQueue(consuming);
  const consumer = await consuming.basicConsume(queue, {}, () => {});
  const ended = consumer.wait().then(() => 'the consumer ended well', (error) => error.message);
  await deleting.queueDelete(queue);
  expectEqual(await within(ended, 'the cancel'), 'Consumer cancelled by the server', 'what the consumer hears');
  await temporaryQueue(consuming);
}));

story('errors carry their codes and texts', () => withConnection(async (connection) => {
  const keeper = await connection.channel();
  const [queue, exchange] = [unique('queue'), unique('exchange')];
  const declare = (on, expires) => on.queueDeclare(queue, {exclusive: true, durable: false}, {'x-expires': expires});
  await declare(keeper, 60000);
  await keeper.exchangeDeclare(exchange, 'direct', {autoDelete: true});
  const closed = (code, text, action) => expectClosed(code, text, async () => action(await connection.channel()));
  await closed(404, "NOT_FOUND - no queue 'nowhere' in vhost '/'", (on) => on.queueDeclare('nowhere', {passive: true}));
  await closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", (on) => on.queueBind(queue, 'nowhere', ''));
  await closed(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
               (on) => on.queueDeclare('amq.mine'));
  await closed(406, `PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '${queue}' in vhost '/': received ` +
               "'61000' but current is '60000'", (on) => declare(on, 61000));
  await closed(406, `PRECONDITION_FAILED - inequivalent arg 'type' for exchange '${exchange}' in vhost '/': received ` +
               "'topic' but current is 'direct'", (on) => on.exchangeDeclare(exchange, 'topic', {autoDelete: true}));
  await keeper.basicConsume(queue, {exclusive: true}, () => {});
  await closed(403, `ACCESS_REFUSED - queue '${queue}' in vhost '/' in exclusive use`,
               (on) => on.basicConsume(queue, {}, () => {}));
  await keeper.queueDeclare(queue, {passive: true});
  await closed(540, 'NOT_IMPLEMENTED - prefetch_size!=0 (7)', (on) => on.basicQos(1, 7));
  expect(connection.closed, 'the connection is closed');
}));

async function callThroughDirectReplyTo(asking, answering) {
  const [client, server] = [await asking.channel(), await answering.channel()];
  const service = await temporaryQueue(server);
  await server.basicConsume(service, {noAck: true}, async (request) => {
    const {replyTo, correlationId} = request.properties;
    await server.basicPublish('', replyTo, request.bodyString().toUpperCase(), {correlationId});
  });
  const replies = new Events();
  await client.basicConsume(pseudoQueue, {noAck: true},
                            (reply) => replies.put([reply.properties.correlationId, reply.bodyString()]));
  const calls = Array.from({length: 20}, (_, number) => [String(number), `call ${number}`]);
  for (const [correlationId, body] of calls) {
    await client.basicPublish('', service, body, {replyTo: pseudoQueue, correlationId});
  }
  expectEqual(await replies.take(20, 'the replies'), calls.map(([id, body]) => [id, body.toUpperCase()]), 'replies');
  await expectClosed(406, 'PRECONDITION_FAILED - reply consumer cannot acknowledge',
                     async () => (await asking.channel()).basicConsume(pseudoQueue, {noAck: false}, () => {}));
}

story('a call is answered through direct reply-to',
      () => withConnection((asking) => withConnection((answering) => callThroughDirectReplyTo(asking, answering))));

story('heartbeats keep an idle connection', () => withConnection(async (connection) => {
  // The client sends them; the broker would end the connection otherwise.
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expect(!connection.closed, 'the connection is open');
  await temporaryQueue(await connection.channel());
}, {query: '?heartbeat=1'}));

story('transactions commit and roll back', () => withConnection(async (connection) => {
  const [working, watching] = [await connection.channel(), await connection.channel()];
  const queue = await temporaryQueue(working);
  await working.txSelect();
  await working.basicPublish('', queue, 'dropped');
  await working.txRollback();
  await working.basicPublish('', queue, 'kept');
  expectEqual(await watching.basicGet(queue), null, 'message before the commit');
  await working.txCommit();
  expectEqual((await watching.basicGet(queue, {noAck: true})).bodyString(), 'kept', 'message');
  await expectClosed(406, 'PRECONDITION_FAILED - cannot switch from tx to confirm mode', () => working.confirmSelect());
}));

story('exchanges route as they are bound', () => withConnection(async (connection) => {
  const channel = await connection.channel();
  await channel.confirmSelect();
  const [source, target, spare] = [unique('source'), unique('target'), unique('spare')];
  await channel.exchangeDeclare(spare, 'fanout', {autoDelete: true});
  await channel.exchangeDeclare(source, 'topic', {}, {'alternate-exchange': spare});
  await channel.exchangeDeclare(target, 'headers', {autoDelete: true});
  await channel.exchangeBind(target, source, 'logs.#');
  const [routed, unrouted] = [await temporaryQueue(channel), await temporaryQueue(channel)];
  await channel.queueBind(routed, target, '', {'x-match': 'any', level: 'error', code: 7});
  await channel.queueBind(unrouted, spare, '');
  const messages = [['logs.a', {level: 'error'}], ['logs', {code: 7}], ['logs.b', {level: 'info'}], ['x', {}]];
  for (const [key, headers] of messages) {
    await channel.basicPublish(source, key, key, {headers});
  }
  expectEqual(await channel.queuePurge(routed), {messageCount: 2}, 'purged');
  expectEqual(await channel.queueDelete(unrouted), {messageCount: 1}, 'deleted');
  await channel.exchangeUnbind(target, source, 'logs.#');
  await channel.exchangeDelete(source);
}));

await tellAll();
