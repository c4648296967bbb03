# frozen_string_literal: true

# Stories of Bunny, the Ruby client.

require "bunny"
require_relative "story"

PSEUDO_QUEUE = "amq.rabbitmq.reply-to"

def connection(**changes)
  one = Bunny.new({ host: ENV.fetch("AMQP_HOST", "127.0.0.1"), port: ENV.fetch("AMQP_PORT", "5672").to_i,
                    user: ENV.fetch("AMQP_USER", "guest"), pass: ENV.fetch("AMQP_PASSWORD", "guest"),
                    vhost: ENV.fetch("AMQP_VHOST", "/"), automatically_recover: false, continuation_timeout: 10_000,
                    log_level: Logger::FATAL, **changes })
  one.start
  begin
    yield one
  ensure
    one.close if one.open?
  end
end

def temporary_queue(on, **arguments)
  on.queue("", exclusive: true, arguments: arguments.transform_keys(&:to_s))
end

# The block must end the channel with exactly this error, code and text.
def expect_closed(kind, code, text)
  yield
rescue kind => e
  expect_equal([e.channel_close.reply_code, e.channel_close.reply_text], [code, text], "reason")
else
  expect(false, "nothing was closed, expected #{code} #{text}")
end

# RabbitMQ counts before it has taken what was published just now: asks again until the count is right.
def expect_ready(queue, count)
  wait_until("#{count} messages in the queue") { queue.message_count == count }
end

story "the handshake tells what the broker can do" do
  connection(heartbeat: 7, frame_max: 8192, channel_max: 33) do |one|
    expect_equal(one.server_properties["product"], "RabbitMQ", "product")
    capabilities = one.server_capabilities
    %w[publisher_confirms exchange_exchange_bindings basic.nack consumer_cancel_notify connection.blocked
       consumer_priorities authentication_failure_close per_consumer_qos direct_reply_to].each do |name|
      expect_equal(capabilities[name], true, "capability #{name}")
    end
    expect_equal([one.heartbeat, one.frame_max, one.channel_max], [7, 8192, 33], "tuning")
  end
end

story "wrong passwords and vhosts are refused" do
  begin
    connection(pass: "wrong") { expect(false, "the login was accepted") }
  rescue Bunny::AuthenticationFailureError => e
    expect_equal(e.username, ENV.fetch("AMQP_USER", "guest"), "user")
  end
  begin
    connection(vhost: "nowhere") { expect(false, "the vhost was accepted") }
  rescue Bunny::NotAllowedError => e
    expect_equal(e.message, "Connection-level error: NOT_ALLOWED - vhost nowhere not found", "text")
  end
end

story "a confirmed message comes back with its properties" do
  connection do |one|
    channel = one.create_channel
    channel.confirm_select
    queue = temporary_queue(channel)
    headers = { "text" => "grün".b, "number" => 12, "big" => 1 << 40, "yes" => true, "nothing" => nil, "half" => 0.5,
                "list" => [1, "two", [3]], "nested" => { "deep" => { "deeper" => "value" } }, "negative" => -5 }
    time = 1_700_000_000
    sent = { content_type: "text/plain", content_encoding: "utf-8", headers: headers, delivery_mode: 2, priority: 4,
             correlation_id: "c-1", reply_to: "somewhere", expiration: "60000", message_id: "m-1",
             timestamp: time, type: "kind", app_id: "stories" }
    channel.basic_publish("hello", "", queue.name, sent)
    expect(channel.wait_for_confirms, "the message is confirmed")
    info, properties, body = queue.pop
    expect_equal(body, "hello", "body")
    expect_equal(properties.to_hash, { **sent, timestamp: Time.at(time) }, "properties")
    expect_equal([info.exchange, info.routing_key, info.redelivered?], ["", queue.name, false], "get-ok")
    expect_equal(queue.pop, [nil, nil, nil], "an empty queue")
  end
end

story "many confirmed messages and large bodies arrive in order" do
  connection do |one|
    channel = one.create_channel
    channel.confirm_select
    queue = temporary_queue(channel)
    bodies = [("\0\xff".b * 1_500_000), "".b, *Array.new(500) { |number| number.to_s.b }]
    bodies.each { |body| channel.basic_publish(body, "", queue.name) }
    expect(channel.wait_for_confirms, "all are confirmed")
    expect(channel.unconfirmed_set.empty? && channel.nacked_set.empty?, "no confirm is missing or negative")
    bodies.each_with_index { |body, at| expect(queue.pop[2].b == body, "message #{at} comes back whole") }
  end
end

story "an unroutable mandatory message is returned before its confirm" do
  connection do |one|
    channel = one.create_channel
    events = Thread::Queue.new
    channel.confirm_select(->(_, _, nack) { events << [:confirmed, nack] })
    exchange = channel.direct(unique("exchange"))
    exchange.on_return { |info, _, body| events << [info.reply_code, info.reply_text, body] }
    exchange.publish("lost", routing_key: "nowhere", mandatory: true)
    expect_equal(taken(events, 2, "return and confirm"), [[312, "NO_ROUTE", "lost"], [:confirmed, false]], "events")
    exchange.delete
  end
end

story "consumers take what the prefetch allows, acknowledge and refuse" do
  connection do |one|
    channel = one.create_channel
    channel.prefetch(3)
    queue = temporary_queue(channel)
    6.times { |number| queue.publish(number.to_s) }
    got = Thread::Queue.new
    consumer = queue.subscribe(manual_ack: true) do |info, _, body|
      got << [info.delivery_tag.to_i, body, info.redelivered?]
    end
    expect_equal(taken(got, 3, "three messages"), [[1, "0", false], [2, "1", false], [3, "2", false]], "messages")
    expect_ready(queue, 3)
    channel.ack(2, true)
    expect_equal(taken(got, 2, "two messages"), [[4, "3", false], [5, "4", false]], "messages")
    channel.reject(3, false)
    expect_equal(taken(got, 1, "one message"), [[6, "5", false]], "messages")
    channel.nack(5, true, true)
    expect_equal(taken(got, 2, "two messages again"), [[7, "3", true], [8, "4", true]], "messages")
    consumer.cancel
    channel.recover
    back = Array.new(3) { queue.pop }.map { |info, _, body| [body, info.redelivered?] }
    expect_equal(back, [["3", true], ["4", true], ["5", true]], "recovered")
  end
end

story "a consumer hears that its queue is gone" do
  connection do |one|
    consuming = one.create_channel
    queue = consuming.queue(unique("queue"))
    cancelled = Thread::Queue.new
    consumer = Bunny::Consumer.new(consuming, queue)
    consumer.on_cancellation { |cancel| cancelled << cancel.consumer_tag }
    queue.subscribe_with(consumer)
    one.create_channel.queue_delete(queue.name)
    expect_equal(taken(cancelled, 1, "the cancel"), [consumer.consumer_tag], "consumer tag")
    expect(consuming.open?, "the channel stays open")
  end
end

story "errors carry their codes and texts" do
  connection do |one|
    keeper = one.create_channel
    queue = keeper.queue(unique("queue"), exclusive: true, arguments: { "x-expires" => 60_000 })
    exchange = keeper.direct(unique("exchange"), auto_delete: true)
    name = queue.name
    closed = lambda do |kind, code, text, &action|
      expect_closed(kind, code, text) { action.call(one.create_channel) }
    end
    closed.call(Bunny::NotFound, 404, "NOT_FOUND - no queue 'nowhere' in vhost '/'") do |on|
      on.queue("nowhere", passive: true)
    end
    closed.call(Bunny::NotFound, 404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'") do |on|
      on.queue_bind(name, "nowhere")
    end
    closed.call(Bunny::AccessRefused, 403,
                "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'") { |on| on.queue("amq.mine") }
    closed.call(Bunny::PreconditionFailed, 406,
                "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue '#{name}' in vhost '/': " \
                "received '61000' but current is '60000'") do |on|
      on.queue(name, exclusive: true, arguments: { "x-expires" => 61_000 })
    end
    closed.call(Bunny::PreconditionFailed, 406,
                "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '#{exchange.name}' in vhost '/': " \
                "received 'fanout' but current is 'direct'") { |on| on.fanout(exchange.name, auto_delete: true) }
    connection do |stranger|
      expect_closed(Bunny::ResourceLocked, 405,
                    "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue '#{name}' in vhost '/'. It " \
                    "could be originally declared on another connection or the exclusive property value does not " \
                    "match that of the original declaration.") { stranger.create_channel.queue(name, passive: true) }
    end
    expect(keeper.open?, "other channels are unharmed")
  end
end

story "an asynchronous error and the close of its channel do not hurt the connection" do
  connection do |one|
    errors = Thread::Queue.new
    20.times do
      channel = one.create_channel
      channel.on_error { |_, close| errors << [close.reply_code, close.reply_text] }
      channel.basic_ack(9)
      expect_equal(taken(errors, 1, "the error"), [[406, "PRECONDITION_FAILED - unknown delivery tag 9"]], "error")
      wait_until("the end of the channel") { channel.closed? }
    end
    temporary_queue(one.create_channel)
  end
end

story "a call is answered through direct reply-to" do
  connection do |asking|
    connection do |answering|
      server = answering.create_channel
      service = temporary_queue(server)
      service.subscribe do |_, properties, body|
        server.default_exchange.publish(body.upcase, routing_key: properties.reply_to,
                                                     correlation_id: properties.correlation_id)
      end
      client = asking.create_channel
      replies = Thread::Queue.new
      client.basic_consume(PSEUDO_QUEUE, "", true) do |_, properties, body|
        replies << [properties.correlation_id, body]
      end
      calls = Array.new(20) { |number| [number.to_s, "call #{number}"] }
      calls.each do |id, body|
        client.default_exchange.publish(body, routing_key: service.name, reply_to: PSEUDO_QUEUE, correlation_id: id)
      end
      expect_equal(taken(replies, 20, "the replies"), calls.map { |id, body| [id, body.upcase] }, "replies")
      expect_closed(Bunny::PreconditionFailed, 406, "PRECONDITION_FAILED - reply consumer cannot acknowledge") do
        asking.create_channel.basic_consume(PSEUDO_QUEUE)
      end
    end
  end
end

story "heartbeats keep an idle connection" do
  # Bunny gives up when it has heard nothing for two intervals, the broker when it has not heard Bunny.
  connection(heartbeat: 1) do |one|
    channel = one.create_channel
    expect_equal(one.heartbeat, 1, "heartbeat")
    sleep 3.5
    expect(one.open?, "the connection is open")
    temporary_queue(channel)
  end
end

story "transactions commit and roll back" do
  connection do |one|
    working = one.create_channel
    watching = one.create_channel
    queue = temporary_queue(working)
    working.tx_select
    queue.publish("dropped")
    working.tx_rollback
    queue.publish("kept")
    expect_equal(watching.basic_get(queue.name), [nil, nil, nil], "message before the commit")
    working.tx_commit
    expect_equal(watching.basic_get(queue.name, manual_ack: false)[2], "kept", "message")
    expect_closed(Bunny::PreconditionFailed, 406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode") do
      working.confirm_select
    end
  end
end

story "exchanges route as they are bound" do
  connection do |one|
    channel = one.create_channel
    channel.confirm_select
    spare = channel.fanout(unique("spare"), auto_delete: true)
    source = channel.topic(unique("source"), arguments: { "alternate-exchange" => spare.name })
    target = channel.headers(unique("target"), auto_delete: true)
    target.bind(source, routing_key: "logs.#")
    routed = temporary_queue(channel).bind(target, arguments: { "x-match" => "any", "level" => "error", "code" => 7 })
    unrouted = temporary_queue(channel).bind(spare)
    [["logs.a", { "level" => "error" }], ["logs", { "code" => 7 }], ["logs.b", { "level" => "info" }], ["x", {}]]
      .each { |key, headers| source.publish(key, routing_key: key, headers: headers) }
    expect(channel.wait_for_confirms, "all are confirmed")
    expect_equal([routed.message_count, unrouted.message_count], [2, 1], "routed and unrouted")
    expect_equal(channel.queue_purge(routed.name).message_count, 2, "purged")
    expect_equal(channel.queue_delete(unrouted.name).message_count, 1, "deleted")
    target.unbind(source, routing_key: "logs.#")
    source.delete
  end
end

tell_all
