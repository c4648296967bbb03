<?php

declare(strict_types=1);

// Stories of php-amqplib.

require '/usr/share/php/PhpAmqpLib/autoload.php';
require __DIR__ . '/story.php';

use PhpAmqpLib\Channel\AMQPChannel;
use PhpAmqpLib\Connection\AMQPStreamConnection;
use PhpAmqpLib\Exception\AMQPBasicCancelException;
use PhpAmqpLib\Exception\AMQPConnectionClosedException;
use PhpAmqpLib\Exception\AMQPProtocolException;
use PhpAmqpLib\Exception\AMQPTimeoutException;
use PhpAmqpLib\Message\AMQPMessage;
use PhpAmqpLib\Wire\AMQPTable;

const PSEUDO_QUEUE = 'amq.rabbitmq.reply-to';

function open_connection(array $changes = []): AMQPStreamConnection
{
    $want = $changes + ['password' => getenv('AMQP_PASSWORD') ?: 'guest', 'vhost' => getenv('AMQP_VHOST') ?: '/',
                        'mechanism' => 'AMQPLAIN', 'heartbeat' => 0];
    return new AMQPStreamConnection(
        getenv('AMQP_HOST') ?: '127.0.0.1', (int) (getenv('AMQP_PORT') ?: 5672), getenv('AMQP_USER') ?: 'guest',
        $want['password'], $want['vhost'], false, $want['mechanism'], null, 'en_US', 5.0, 10.0, null, false,
        $want['heartbeat']);
}

function temporary_queue(AMQPChannel $on, array $arguments = []): string
{
    return $on->queue_declare('', false, false, true, false, false, new AMQPTable($arguments))[0];
}

function ready_count(AMQPChannel $on, string $queue): int
{
    return $on->queue_declare($queue, true)[1];
}

/** RabbitMQ counts before it has taken what was published just now: asks again until the count is right. */
function expect_ready(AMQPChannel $on, string $queue, int $count): void
{
    wait_for(fn () => ready_count($on, $queue) === $count, fn () => null, "$count messages in the queue");
}

/** The step of wait_for: handles what comes within a moment. */
function handling(AMQPChannel $on): callable
{
    return function () use ($on): void {
        try {
            $on->wait(null, false, 0.5);
        } catch (AMQPTimeoutException $nothing) {
        }
    };
}

/** The action must end the channel, or the connection, with exactly this code and text. */
function expect_closed(int $code, string $text, callable $action): void
{
    try {
        $action();
    } catch (AMQPProtocolException | AMQPConnectionClosedException $closed) {
        // The text of a closed connection has the ids of the method behind it.
        $told = preg_replace('/\(\d+, \d+\)$/', '', $closed->getMessage());
        expect_equal([$closed->getCode(), $told], [$code, $text], 'reason');
        return;
    }
    expect(false, "nothing was closed, expected $code $text");
}

story('both login mechanisms work and wrong logins are refused', function (): void {
    foreach (['PLAIN', 'AMQPLAIN'] as $mechanism) {
        $connection = open_connection(['mechanism' => $mechanism]);
        expect($connection->isConnected(), "connected by $mechanism");
        expect_equal($connection->getServerProperties()['product'][1], 'RabbitMQ', 'product');
        $connection->close();
    }
    expect_closed(403, 'ACCESS_REFUSED - Login was refused using authentication mechanism AMQPLAIN. For details see '
        . 'the broker logfile.', fn () => open_connection(['password' => 'wrong']));
    expect_closed(530, 'NOT_ALLOWED - vhost nowhere not found', fn () => open_connection(['vhost' => 'nowhere']));
});

story('a confirmed message comes back with its properties', function (): void {
    $connection = open_connection();
    $channel = $connection->channel();
    $queue = temporary_queue($channel);
    $confirmed = [];
    $channel->set_ack_handler(function (AMQPMessage $message) use (&$confirmed): void {
        $confirmed[] = $message->getBody();
    });
    $channel->confirm_select();
    $headers = ['text' => 'grün', 'number' => 12, 'big' => 1 << 40, 'yes' => true, 'nothing' => null,
                'list' => [1, 'two', [3]], 'nested' => ['deep' => ['deeper' => 'value']], 'negative' => -5];
    $sent = new AMQPMessage('hello', [
        'content_type' => 'text/plain', 'content_encoding' => 'utf-8', 'delivery_mode' => 2, 'priority' => 4,
        'correlation_id' => 'c-1', 'reply_to' => 'somewhere', 'expiration' => '60000', 'message_id' => 'm-1',
        'timestamp' => 1700000000, 'type' => 'kind', 'app_id' => 'stories',
        'application_headers' => new AMQPTable($headers),
    ]);
    $channel->basic_publish($sent, '', $queue);
    $channel->wait_for_pending_acks(WAIT_LIMIT_S);
    expect_equal($confirmed, ['hello'], 'confirmed messages');
    $got = $channel->basic_get($queue, true);
    expect_equal($got->getBody(), 'hello', 'body');
    expect_equal($got->get('application_headers')->getNativeData(), $headers, 'headers');
    foreach ($sent->get_properties() as $name => $value) {
        if ($name !== 'application_headers') {
            expect_equal($got->get($name), $value, "property $name");
        }
    }
    expect_equal([$got->isRedelivered(), $got->getExchange(), $got->getRoutingKey(), $got->getMessageCount()],
        [false, '', $queue, 0], 'get-ok');
    expect_equal($channel->basic_get($queue), null, 'an empty queue');
    $connection->close();
});

story('batches and large bodies are confirmed and arrive whole', function (): void {
    $connection = open_connection();
    $channel = $connection->channel();
    $queue = temporary_queue($channel);
    $channel->confirm_select();
    $bodies = ['', 'x', str_repeat("\0\xff", 70000), random_bytes(3 << 20)];
    foreach ($bodies as $body) {
        $channel->batch_basic_publish(new AMQPMessage($body), '', $queue);
    }
    $channel->publish_batch();
    $channel->wait_for_pending_acks(WAIT_LIMIT_S);
    foreach ($bodies as $body) {
        expect($channel->basic_get($queue, true)->getBody() === $body, 'a body of ' . strlen($body) . ' bytes');
    }
    $connection->close();
});

story('an unroutable mandatory message is returned before its confirm', function (): void {
    $connection = open_connection();
    $channel = $connection->channel();
    $events = [];
    $channel->set_return_listener(function ($code, $text, $exchange, $key, AMQPMessage $message) use (&$events): void {
        $events[] = [$code, $text, $exchange, $key, $message->getBody()];
    });
    $channel->set_ack_handler(function () use (&$events): void {
        $events[] = 'confirmed';
    });
    $channel->confirm_select();
    $missing = unique('missing');
    $channel->basic_publish(new AMQPMessage('lost'), '', $missing, true);
    $channel->wait_for_pending_acks_returns(WAIT_LIMIT_S);
    expect_equal($events, [[312, 'NO_ROUTE', '', $missing, 'lost'], 'confirmed'], 'events');
    $connection->close();
});

story('consumers take what the prefetch allows, acknowledge and refuse', function (): void {
    $connection = open_connection();
    $channel = $connection->channel();
    $queue = temporary_queue($channel);
    for ($number = 0; $number < 6; ++$number) {
        $channel->basic_publish(new AMQPMessage("$number"), '', $queue);
    }
    $channel->basic_qos(0, 3, false);
    $got = new ArrayObject();
    $take = fn (AMQPMessage $message) => $got->append($message);
    $tag = $channel->basic_consume($queue, '', false, false, false, false, $take);
    $bodies = fn () => array_map(
        fn ($message) => $message->getBody() . ($message->isRedelivered() ? ' again' : ''), $got->getArrayCopy());
    $wait = fn (int $count) => wait_for(fn () => count($got) >= $count, handling($channel), "$count messages");
    $wait(3);
    expect_ready($channel, $queue, 3);
    expect_equal($bodies(), ['0', '1', '2'], 'messages');
    $got[1]->ack(true);
    $wait(5);
    $got[2]->reject(false);
    $wait(6);
    $got[4]->nack(true, true);
    $wait(8);
    expect_equal($bodies(), ['0', '1', '2', '3', '4', '5', '3 again', '4 again'], 'messages');
    $channel->basic_cancel($tag);
    $channel->basic_recover(true);
    $rest = array_map(fn () => $channel->basic_get($queue, true), range(1, 3));
    expect_equal(array_map(fn ($message) => [$message->getBody(), $message->isRedelivered()], $rest),
        [['3', true], ['4', true], ['5', true]], 'recovered messages');
    $connection->close();
});

story('a consumer hears that its queue is gone', function (): void {
    $connection = open_connection();
    $consuming = $connection->channel();
    $deleting = $connection->channel();
    $queue = temporary_queue($consuming);
    $tag = $consuming->basic_consume($queue, '', false, false, false, false, fn () => null);
    $deleting->queue_delete($queue);
    try {
        $consuming->wait(null, false, WAIT_LIMIT_S);
    } catch (AMQPBasicCancelException $cancelled) {
        expect_equal($cancelled->consumerTag, $tag, 'consumer tag');
        expect($consuming->is_open(), 'the channel stays open');
        $connection->close();
        return;
    }
    expect(false, 'nothing was cancelled');
});

story('errors carry their codes and texts', function (): void {
    $connection = open_connection();
    $keeper = $connection->channel();
    [$queue, $exchange] = [unique('queue'), unique('exchange')];
    $declare = fn (AMQPChannel $on, int $expires) =>
        $on->queue_declare($queue, false, false, true, false, false, new AMQPTable(['x-expires' => $expires]));
    $declare($keeper, 60000);
    $keeper->exchange_declare($exchange, 'direct');
    $closed = fn (int $code, string $text, callable $action) =>
        expect_closed($code, $text, fn () => $action($connection->channel()));
    $closed(404, "NOT_FOUND - no queue 'nowhere' in vhost '/'", fn ($on) => $on->queue_declare('nowhere', true));
    $closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", fn ($on) => $on->queue_bind($queue, 'nowhere'));
    $closed(404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'", function ($on): void {
        $on->basic_publish(new AMQPMessage('x'), 'nowhere', 'key');
        $on->wait(null, false, WAIT_LIMIT_S);
    });
    $closed(403, "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
        fn ($on) => $on->queue_declare('amq.mine'));
    $closed(406, "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '$queue' in vhost '/': received "
        . "'61000' but current is '60000'", fn ($on) => $declare($on, 61000));
    $closed(406, "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '$exchange' in vhost '/': received "
        . "'topic' but current is 'direct'", fn ($on) => $on->exchange_declare($exchange, 'topic'));
    $keeper->basic_consume($queue, '', false, false, true, false, fn () => null);
    $closed(403, "ACCESS_REFUSED - queue '$queue' in vhost '/' in exclusive use",
        fn ($on) => $on->basic_consume($queue));
    expect($keeper->is_open(), 'other channels are unharmed');
    $closed(540, 'NOT_IMPLEMENTED - prefetch_size!=0 (7)', fn ($on) => $on->basic_qos(7, 0, false));
    expect(!$connection->isConnected(), 'the connection is closed');
});

story('a call is answered through direct reply-to', function (): void {
    [$asking, $answering] = [open_connection(), open_connection()];
    [$client, $server] = [$asking->channel(), $answering->channel()];
    $service = temporary_queue($server);
    $answer = function (AMQPMessage $request) use ($server): void {
        [$address, $id] = [$request->get('reply_to'), $request->get('correlation_id')];
        expect(str_starts_with($address, PSEUDO_QUEUE . '.'), "address $address");
        $reply = new AMQPMessage(strtoupper($request->getBody()), ['correlation_id' => $id]);
        $server->basic_publish($reply, '', $address);
    };
    $server->basic_consume($service, '', false, true, false, false, $answer);
    $replies = new ArrayObject();
    $client->basic_consume(PSEUDO_QUEUE, '', false, true, false, false,
        fn (AMQPMessage $reply) => $replies->append([$reply->get('correlation_id'), $reply->getBody()]));
    for ($number = 0; $number < 10; ++$number) {
        $request = new AMQPMessage("call $number", ['reply_to' => PSEUDO_QUEUE, 'correlation_id' => "c$number"]);
        $client->basic_publish($request, '', $service);
        $server->wait(null, false, WAIT_LIMIT_S);
        $client->wait(null, false, WAIT_LIMIT_S);
        expect_equal($replies->exchangeArray([]), [["c$number", "CALL $number"]], 'replies');
    }
    expect_closed(406, 'PRECONDITION_FAILED - reply consumer cannot acknowledge',
        fn () => $asking->channel()->basic_consume(PSEUDO_QUEUE));
    $asking->close();
    $answering->close();
});

story('heartbeats keep an idle connection', function (): void {
    $connection = open_connection(['heartbeat' => 1]);
    expect_equal($connection->getHeartbeat(), 1, 'heartbeat');
    $channel = $connection->channel();
    [$began, $heard] = [microtime(true), $connection->getLastActivity()];
    wait_for(fn () => microtime(true) - $began > 3.5, function () use ($channel, $connection): void {
        handling($channel)();  // The library looks at the heartbeats whenever it waits.
        $connection->checkHeartBeat();
    }, 'the end of the pause');
    expect($connection->getLastActivity() > $heard, 'the broker was heard of');
    temporary_queue($channel);
    $connection->close();
});

story('transactions commit and roll back', function (): void {
    $connection = open_connection();
    [$working, $watching] = [$connection->channel(), $connection->channel()];
    $queue = temporary_queue($working);
    $working->tx_select();
    $working->basic_publish(new AMQPMessage('dropped'), '', $queue);
    $working->tx_rollback();
    $working->basic_publish(new AMQPMessage('kept'), '', $queue);
    expect_equal(ready_count($watching, $queue), 0, 'messages before the commit');
    $working->tx_commit();
    $got = $working->basic_get($queue);
    expect_equal($got->getBody(), 'kept', 'message');
    $got->ack();
    $working->tx_rollback();
    $working->close();
    expect($watching->basic_get($queue)->isRedelivered(), 'a message whose ack was rolled back comes again');
    $watching->confirm_select();
    expect_closed(406, 'PRECONDITION_FAILED - cannot switch from confirm to tx mode', fn () => $watching->tx_select());
    $connection->close();
});

story('exchanges route as they are bound', function (): void {
    $connection = open_connection();
    $channel = $connection->channel();
    $channel->confirm_select();
    [$source, $target, $spare] = [unique('source'), unique('target'), unique('spare')];
    $channel->exchange_declare($spare, 'fanout', false, false, true);
    $channel->exchange_declare($source, 'topic', false, false, false, false, false,
        new AMQPTable(['alternate-exchange' => $spare]));
    $channel->exchange_declare($target, 'headers', false, false, true);
    [$routed, $unrouted] = [temporary_queue($channel), temporary_queue($channel)];
    $channel->exchange_bind($target, $source, 'logs.#');
    $channel->queue_bind($routed, $target, '', false,
        new AMQPTable(['x-match' => 'any', 'level' => 'error', 'code' => 7]));
    $channel->queue_bind($unrouted, $spare);
    $messages = [['logs.a', ['level' => 'error']], ['logs', ['code' => 7]], ['logs.b', ['level' => 'info']], ['x', []]];
    foreach ($messages as [$key, $headers]) {
        $message = new AMQPMessage($key, ['application_headers' => new AMQPTable($headers)]);
        $channel->basic_publish($message, $source, $key);
    }
    $channel->wait_for_pending_acks(WAIT_LIMIT_S);
    expect_equal([ready_count($channel, $routed), ready_count($channel, $unrouted)], [2, 1], 'routed and unrouted');
    expect_equal([$channel->queue_purge($routed), $channel->queue_delete($unrouted)], [2, 1], 'purged and deleted');
    $channel->exchange_unbind($target, $source, 'logs.#');
    $channel->exchange_delete($source);
    $connection->close();
});

tell_all();
