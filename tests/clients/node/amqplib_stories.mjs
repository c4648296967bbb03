// Stories of amqplib's newest version, which no longer ships tests of its own. See also its older suite.

import amqplib from 'amqplib-newest';

import {broker, brokerUrl, Events, expect, expectEqual, story, tellAll, unique, until, within} from './story.mjs';

const pseudoQueue = 'amq.rabbitmq.reply-to';

async function withConnection(tell, {query = '', ...changes} = {}) {
  const connection = await amqplib.connect(brokerUrl(changes) + query);
  connection.on('error', () => {});  // Told by the calls that fail, too.
  try {
    await tell(connection);
  } finally {
    await connection.close().catch(() => {});
  }
}

/** A channel whose errors end up in `channel.errors`. */
async function openChannel(connection) {
  const channel = await connection.createChannel();
  channel.errors = new Events();
  channel.on('error', (error) => channel.errors.put(error));
  return channel;
}

async function temporaryQueue(channel, options = {}) {
  return (await channel.assertQueue('', {exclusive: true, ...options})).queue;
}

/** RabbitMQ counts before it has taken what was published just now: asks again until the count is right. */
function expectReady(channel, queue, count) {
  return until(async () => (await channel.checkQueue(queue)).messageCount === count, `${count} messages in the queue`);
}

/** The action must close the channel with exactly this code and text. */
async function expectClosed(connection, code, text, action) {
  const channel = await openChannel(connection);
  action(channel)?.catch(() => {});
  const [error] = await channel.errors.take(1, `the error ${code} ${text}`);
  const told = error.message.replace(/^.*with message "/s, '').replace(/"$/, '');
  expectEqual([error.code, told], [code, text], 'reason');
}

story('the handshake tells what the broker can do', async () => {
  await withConnection(async ({connection}) => {
    expectEqual(connection.serverProperties.product, 'RabbitMQ', 'product');
    for (const name of ['publisher_confirms', 'exchange_exchange_bindings', 'basic.nack', 'consumer_cancel_notify',
                        'connection.blocked', 'consumer_priorities', 'per_consumer_qos', 'direct_reply_to']) {
      expectEqual(connection.serverProperties.capabilities[name], true, `capability ${name}`);
    }
    expectEqual([connection.heartbeat, connection.frameMax, connection.channelMax], [7, 8192, 33], 'tuning');
  }, {query: '?heartbeat=7&frameMax=8192&channelMax=33'});
});

story('wrong passwords and vhosts are refused', async () => {
  for (const [changes, text] of [
    [{password: 'wrong'}, 'Handshake terminated by server: 403 (ACCESS-REFUSED) with message "ACCESS_REFUSED - Login ' +
      'was refused using authentication mechanism PLAIN. For details see the broker logfile."'],
    [{vhost: 'nowhere'}, 'Expected ConnectionOpenOk; got <ConnectionClose channel:0>'],
  ]) {
    const error = await amqplib.connect(brokerUrl(changes)).then(() => 'accepted', (refused) => refused);
    expectEqual(error.message, text, 'error');
  }
});

story('a confirmed message comes back with its properties', () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel();
  const queue = await temporaryQueue(channel);
  const sent = {contentType: 'text/plain', contentEncoding: 'utf-8', deliveryMode: 2, priority: 4, correlationId: 'c-1',
                replyTo: 'somewhere', expiration: '60000', messageId: 'm-1', timestamp: 1700000000, type: 'kind',
                userId: broker.user, appId: 'stories',
                headers: {text: 'grün', number: 12, big: 2 ** 40, yes: true, nothing: null, half: 0.5,
                          list: [1, 'two', [3]], nested: {deep: {deeper: 'value'}}, negative: -5}};
  channel.sendToQueue(queue, Buffer.from('hello'), {...sent, persistent: true});
  await within(channel.waitForConfirms(), 'the confirm');
  const {fields, properties, content} = await channel.get(queue, {noAck: true});
  expectEqual(content.toString(), 'hello', 'body');
  for (const [name, value] of Object.entries(sent)) expectEqual(properties[name], value, name);
  const {exchange, routingKey, redelivered, messageCount} = fields;
  expectEqual([exchange, routingKey, redelivered, messageCount], ['', queue, false, 0], 'get-ok');
  expectEqual(await channel.get(queue), false, 'an empty queue');
}));

story('many confirmed messages and large bodies arrive in order', () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel();
  const queue = await temporaryQueue(channel);
  const bodies = [Buffer.alloc(3 << 20, '\0\xff', 'latin1'), Buffer.alloc(0),
                  ...Array.from({length: 500}, (_, number) => Buffer.from(String(number)))];
  const confirmed = [];
  bodies.forEach((body, at) => channel.sendToQueue(queue, body, {}, (error) => confirmed.push(error ?? at)));
  await within(channel.waitForConfirms(), 'all confirms');
  expectEqual(confirmed, bodies.map((_, at) => at), 'confirms');
  for (const body of bodies) {
    expect((await channel.get(queue, {noAck: true})).content.equals(body), `a body of ${body.length} bytes comes back`);
  }
}));

story('an unroutable mandatory message is returned before its confirm', () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel();
  const events = new Events();
  channel.on('return', ({fields, content}) => events.put([fields.replyCode, fields.replyText, content.toString()]));
  channel.publish('', unique('missing'), Buffer.from('lost'), {mandatory: true}, (error) => events.put(error));
  expectEqual(await events.take(2, 'return and confirm'), [[312, 'NO_ROUTE', 'lost'], null], 'events');
}));

story('consumers take what the prefetch allows, acknowledge and refuse', () => withConnection(async (connection) => {
  const channel = await openChannel(connection);
  const queue = await temporaryQueue(channel);
  for (let number = 0; number < 6; ++number) channel.sendToQueue(queue, Buffer.from(String(number)));
  await channel.prefetch(3);
  const got = new Events();
  const {consumerTag} = await channel.consume(queue, (message) => got.put(message));
  const take = async (count, bodies) => {
    const messages = await got.take(count, `${count} messages`);
    const told = messages.map(({content, fields}) => `${content}${fields.redelivered ? ' again' : ''}`);
    expectEqual(told, bodies, 'messages');
    return messages;
  };
  const [, second, third] = await take(3, ['0', '1', '2']);
  await expectReady(channel, queue, 3);
  channel.ack(second, true);
  const [, fifth] = await take(2, ['3', '4']);
  channel.reject(third, false);
  await take(1, ['5']);
  channel.nack(fifth, true, true);
  await take(2, ['3 again', '4 again']);
  await channel.cancel(consumerTag);
  await channel.recover();
  const back = [];
  for (let number = 0; number < 3; ++number) back.push(await channel.get(queue, {noAck: true}));
  expectEqual(back.map(({content, fields}) => [String(content), fields.redelivered]),
              [['3', true], ['4', true], ['5', true]], 'recovered');
}));

story('a consumer hears that its queue is gone', () => withConnection(async (connection) => {
  const [consuming, deleting] = [await openChannel(connection), await openChannel(connection)];
  const queue = await temporaryQueue(consuming);
  const got = new Events();
  await consuming.consume(queue, (message) => got.put(message));
  await deleting.deleteQueue(queue);
  expectEqual(await got.take(1, 'the cancel'), [null], 'what the consumer hears');
  await temporaryQueue(consuming);
}));

story('errors carry their codes and texts', () => withConnection(async (connection) => {
  const keeper = await openChannel(connection);
  const [queue, exchange] = [unique('queue'), unique('exchange')];
  const declare = (on, expires) => on.assertQueue(queue, {exclusive: true, durable: false, expires});
  await declare(keeper, 60000);
  await keeper.assertExchange(exchange, 'direct', {autoDelete: true});
  const closed = (code, text, action) => expectClosed(connection, code, text, action);
  await closed(404, "NOT_FOUND - no queue 'nowhere' in vhost '/'", (on) => on.checkQueue('nowhere'));
  await closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", (on) => on.bindQueue(queue, 'nowhere', ''));
  await closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'",
               (on) => { on.publish('nowhere', 'key', Buffer.from('x')); });
  await closed(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
               (on) => on.assertQueue('amq.mine'));
  await closed(406, `PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '${queue}' in vhost '/': received ` +
               "'61000' but current is '60000'", (on) => declare(on, 61000));
  await closed(406, `PRECONDITION_FAILED - inequivalent arg 'type' for exchange '${exchange}' in vhost '/': received ` +
               "'topic' but current is 'direct'", (on) => on.assertExchange(exchange, 'topic', {autoDelete: true}));
  await closed(406, 'PRECONDITION_FAILED - unknown delivery tag 9', (on) => { on.ack({fields: {deliveryTag: 9}}); });
  await keeper.consume(queue, () => {}, {exclusive: true});
  await closed(403, `ACCESS_REFUSED - queue '${queue}' in vhost '/' in exclusive use`,
               (on) => on.consume(queue, () => {}));
  await keeper.checkQueue(queue);
}));

async function callThroughDirectReplyTo(asking, answering) {
  const [client, server] = [await openChannel(asking), await openChannel(answering)];
  const service = await temporaryQueue(server);
  await server.consume(service, ({content, properties: {replyTo, correlationId}}) => {
    server.sendToQueue(replyTo, Buffer.from(content.toString().toUpperCase()), {correlationId});
  }, {noAck: true});
  const replies = new Events();
  await client.consume(pseudoQueue, ({content, properties}) => replies.put([properties.correlationId, String(content)]),
                       {noAck: true});
  const calls = Array.from({length: 20}, (_, number) => [String(number), `call ${number}`]);
  for (const [correlationId, body] of calls) {
    client.sendToQueue(service, Buffer.from(body), {replyTo: pseudoQueue, correlationId});
  }
  expectEqual(await replies.take(20, 'the replies'), calls.map(([id, body]) => [id, body.toUpperCase()]), 'replies');
  await expectClosed(asking, 406, 'PRECONDITION_FAILED - reply consumer cannot acknowledge',
                     (on) => on.consume(pseudoQueue, () => {}));
}

story('a call is answered through direct reply-to',
      () => withConnection((asking) => withConnection((answering) => callThroughDirectReplyTo(asking, answering))));

story('heartbeats keep an idle connection', () => withConnection(async (connection) => {
  // The client closes the connection when it has heard nothing for two intervals, the broker likewise.
  const ended = new Events();
  connection.on('close', (error) => ended.put(error));
  await new Promise((resolve) => setTimeout(resolve, 3500));
  expectEqual(ended.count, 0, 'ends of the connection');
  await temporaryQueue(await openChannel(connection));
}, {query: '?heartbeat=1'}));

story('exchanges route as they are bound', () => withConnection(async (connection) => {
  const channel = await connection.createConfirmChannel();
  const [source, target, spare] = [unique('source'), unique('target'), unique('spare')];
  await channel.assertExchange(spare, 'fanout', {autoDelete: true});
  await channel.assertExchange(source, 'topic', {alternateExchange: spare});
  await channel.assertExchange(target, 'headers', {autoDelete: true});
  await channel.bindExchange(target, source, 'logs.#');
  const [routed, unrouted] = [await temporaryQueue(channel), await temporaryQueue(channel)];
  await channel.bindQueue(routed, target, '', {'x-match': 'any', level: 'error', code: 7});
  await channel.bindQueue(unrouted, spare, '');
  const messages = [['logs.a', {level: 'error'}], ['logs', {code: 7}], ['logs.b', {level: 'info'}], ['x', {}]];
  for (const [key, headers] of messages) {
    channel.publish(source, key, Buffer.from(key), {headers});
  }
  await within(channel.waitForConfirms(), 'all confirms');
  await expectReady(channel, routed, 2);
  expectEqual(await channel.purgeQueue(routed), {messageCount: 2}, 'purged');
  expectEqual(await channel.deleteQueue(unrouted), {messageCount: 1}, 'deleted');
  await channel.unbindExchange(target, source, 'logs.#');
  await channel.deleteExchange(source);
}));

await tellAll();
