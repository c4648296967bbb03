/// Stories of librabbitmq, the C client.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "story.h"

static amqp_bytes_t text_of(const char* text) { return amqp_cstring_bytes(text); }

// Fetches one message of the queue on channel 1, without an ack; there must be one.
static amqp_message_t fetched(amqp_connection_state_t broker, amqp_bytes_t queue) {
  const amqp_rpc_reply_t reply = amqp_basic_get(broker, 1, queue, 1);
  EXPECT(reply.reply_type == AMQP_RESPONSE_NORMAL && reply.reply.id == AMQP_BASIC_GET_OK_METHOD,
         "basic.get gives no message, but %s", amqp_method_name(reply.reply.id));
  amqp_message_t message;
  EXPECT(amqp_read_message(broker, 1, &message, 0).reply_type == AMQP_RESPONSE_NORMAL, "the message's content");
  return message;
}

static const amqp_field_value_t* entry_of(const amqp_table_t* table, const char* key) {
  for (int at = 0; at < table->num_entries; ++at) {
    const amqp_table_entry_t* entry = &table->entries[at];
    if (entry->key.len == strlen(key) && memcmp(entry->key.bytes, key, entry->key.len) == 0) return &entry->value;
  }
  fail("there is no entry '%s'", key);
}

static void the_handshake_tells_what_the_broker_can_do(void) {
  amqp_connection_state_t broker = connected((struct tuning){33, 8192, 7, amqp_empty_table});
  expect_equal(amqp_get_channel_max(broker), 33, "channel_max");
  expect_equal(amqp_get_frame_max(broker), 8192, "frame_max");
  expect_equal(amqp_get_heartbeat(broker), 7, "heartbeat");
  const amqp_table_t* properties = amqp_get_server_properties(broker);
  expect_text(entry_of(properties, "product")->value.bytes, "RabbitMQ", "product");
  const amqp_table_t* capabilities = &entry_of(properties, "capabilities")->value.table;
  static const char* const names[] = {"publisher_confirms",   "basic.nack",       "consumer_cancel_notify",
                                      "connection.blocked",   "per_consumer_qos", "exchange_exchange_bindings",
                                      "consumer_priorities",  "direct_reply_to"};
  for (size_t at = 0; at < sizeof names / sizeof *names; ++at) {
    const amqp_field_value_t* value = entry_of(capabilities, names[at]);
    EXPECT(value->kind == AMQP_FIELD_KIND_BOOLEAN && value->value.boolean, "capability %s", names[at]);
  }
}

static void wrong_passwords_and_vhosts_are_refused(void) {
  amqp_rpc_reply_t reply;
  amqp_connection_state_t broker = log_in(usual_tuning, "wrong", NULL, &reply);
  expect_closed(broker, 0, reply, 403,
                "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker "
                "logfile.");
  broker = log_in(usual_tuning, NULL, "nowhere", &reply);
  expect_closed(broker, 0, reply, 530, "NOT_ALLOWED - vhost nowhere not found");
}

static void a_message_comes_back_with_its_properties(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker);
  amqp_table_entry_t headers[] = {
      {text_of("text"), {AMQP_FIELD_KIND_UTF8, {.bytes = {4, "word"}}}},
      {text_of("big"), {AMQP_FIELD_KIND_I64, {.i64 = -(1LL << 40)}}},
      {text_of("small"), {AMQP_FIELD_KIND_I8, {.i8 = -3}}},
      {text_of("fraction"), {AMQP_FIELD_KIND_F64, {.f64 = 0.5}}},
      {text_of("bytes"), {AMQP_FIELD_KIND_BYTES, {.bytes = {3, "a\0b"}}}},
  };
  amqp_basic_properties_t sent = {
      ._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG,
      .content_type = text_of("text/plain"),
      .headers = {sizeof headers / sizeof *headers, headers},
      .delivery_mode = AMQP_DELIVERY_PERSISTENT,
      .correlation_id = text_of("c-1"),
      .timestamp = 1700000000,
  };
  amqp_basic_publish(broker, 1, amqp_empty_bytes, queue, 0, 0, &sent, text_of("hello"));
  amqp_message_t got = fetched(broker, queue);
  expect_text(got.body, "hello", "body");
  expect_equal(got.properties._flags, sent._flags, "flags");
  expect_text(got.properties.content_type, "text/plain", "content type");
  expect_text(got.properties.correlation_id, "c-1", "correlation id");
  expect_equal(got.properties.delivery_mode, AMQP_DELIVERY_PERSISTENT, "delivery mode");
  expect_equal((long long)got.properties.timestamp, 1700000000, "timestamp");
  const amqp_table_t* table = &got.properties.headers;
  expect_equal(table->num_entries, sent.headers.num_entries, "headers");
  for (int at = 0; at < table->num_entries; ++at) {
    expect_equal(table->entries[at].value.kind, headers[at].value.kind, "kind of a header");
  }
  expect_equal(entry_of(table, "big")->value.i64, -(1LL << 40), "header big");
  expect_equal(entry_of(table, "small")->value.i8, -3, "header small");
  EXPECT(memcmp(entry_of(table, "bytes")->value.bytes.bytes, "a\0b", 3) == 0, "header bytes");
}

static void bodies_of_many_frames_arrive_whole(void) {
  amqp_connection_state_t broker = connected((struct tuning){0, 4096, 0, amqp_empty_table});
  const amqp_bytes_t queue = temporary_queue(broker);
  static const size_t sizes[] = {0, 1, 4088, 4089, 3 << 20};
  for (size_t at = 0; at < sizeof sizes / sizeof *sizes; ++at) {
    amqp_bytes_t body = amqp_bytes_malloc(sizes[at]);
    for (size_t offset = 0; offset < body.len; ++offset) ((char*)body.bytes)[offset] = (char)(offset % 251);
    amqp_basic_publish(broker, 1, amqp_empty_bytes, queue, 0, 0, NULL, body);
    amqp_message_t got = fetched(broker, queue);
    EXPECT(got.body.len == body.len && (body.len == 0 || memcmp(got.body.bytes, body.bytes, body.len) == 0),
           "a body of %zu bytes came back as %zu", body.len, got.body.len);
    amqp_destroy_message(&got);
    amqp_bytes_free(body);
    amqp_maybe_release_buffers(broker);
  }
}

static void publishes_are_confirmed_in_order(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker);
  amqp_confirm_select(broker, 1);
  expect_done(broker, "confirm.select");
  const uint64_t count = 500;
  for (uint64_t number = 0; number < count; ++number) publish(broker, queue, "x");
  for (uint64_t confirmed = 0; confirmed < count;) {
    const amqp_basic_ack_t* ack = next_method(broker, 1, AMQP_BASIC_ACK_METHOD);
    EXPECT(ack->delivery_tag > confirmed, "ack of %d after %d", (int)ack->delivery_tag, (int)confirmed);
    EXPECT(ack->multiple || ack->delivery_tag == confirmed + 1, "ack of %d leaves one out", (int)ack->delivery_tag);
    confirmed = ack->delivery_tag;
  }
  expect_ready(broker, queue, (long long)count);
}

static void an_unroutable_mandatory_message_is_returned_before_its_confirm(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  amqp_confirm_select(broker, 1);
  expect_done(broker, "confirm.select");
  const amqp_bytes_t missing = unique("missing");
  amqp_basic_publish(broker, 1, amqp_empty_bytes, missing, 1, 0, NULL, text_of("lost"));
  const amqp_basic_return_t* returned = next_method(broker, 1, AMQP_BASIC_RETURN_METHOD);
  expect_equal(returned->reply_code, 312, "code");
  expect_text(returned->reply_text, "NO_ROUTE", "text");
  char key[128];
  snprintf(key, sizeof key, "%.*s", (int)missing.len, (const char*)missing.bytes);
  expect_text(returned->routing_key, key, "routing key");
  amqp_message_t message;
  EXPECT(amqp_read_message(broker, 1, &message, 0).reply_type == AMQP_RESPONSE_NORMAL, "the returned content");
  expect_text(message.body, "lost", "body");
  const amqp_basic_ack_t* ack = next_method(broker, 1, AMQP_BASIC_ACK_METHOD);
  expect_equal((long long)ack->delivery_tag, 1, "confirmed publish");
}

static void prefetch_limits_a_consumer_until_it_acknowledges(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker);
  for (char number[] = "0"; *number < '6'; ++*number) publish(broker, queue, number);
  amqp_basic_qos(broker, 1, 0, 3, 0);
  expect_done(broker, "basic.qos");
  amqp_basic_consume(broker, 1, queue, text_of("tag"), 0, 0, 0, amqp_empty_table);
  expect_done(broker, "basic.consume");
  for (int number = 0; number < 3; ++number) {
    amqp_envelope_t got = next_delivery(broker);
    expect_equal((long long)got.delivery_tag, number + 1, "delivery tag");
    expect_text(got.consumer_tag, "tag", "consumer tag");
  }
  expect_ready(broker, queue, 3);
  amqp_basic_ack(broker, 1, 2, 1);
  for (int number = 3; number < 5; ++number) {
    expect_equal((long long)next_delivery(broker).delivery_tag, number + 1, "delivery tag");
  }
  expect_ready(broker, queue, 1);
}

static void refused_messages_come_back_or_go(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker);
  for (char number[] = "0"; *number < '4'; ++*number) publish(broker, queue, number);
  amqp_basic_consume(broker, 1, queue, text_of("tag"), 0, 0, 0, amqp_empty_table);
  expect_done(broker, "basic.consume");
  for (int number = 0; number < 4; ++number) EXPECT(!next_delivery(broker).redelivered, "redelivered");
  amqp_basic_reject(broker, 1, 1, 0);
  amqp_basic_nack(broker, 1, 3, 1, 1);
  for (char number[] = "1"; *number < '3'; ++*number) {
    amqp_envelope_t back = next_delivery(broker);
    expect_text(back.message.body, number, "requeued message");
    EXPECT(back.redelivered, "message %s says that it is redelivered", number);
  }
  amqp_basic_cancel(broker, 1, text_of("tag"));
  expect_done(broker, "basic.cancel");
  amqp_basic_recover(broker, 1, 1);
  expect_done(broker, "basic.recover");
  for (char number[] = "1"; *number < '4'; ++*number) {
    expect_text(fetched(broker, queue).body, number, "recovered message");
  }
  expect_ready(broker, queue, 0);
}

static void a_consumer_that_wants_to_know_hears_that_its_queue_is_gone(void) {
  amqp_table_entry_t notify = {text_of("consumer_cancel_notify"), {AMQP_FIELD_KIND_BOOLEAN, {.boolean = 1}}};
  amqp_table_entry_t capabilities = {text_of("capabilities"), {AMQP_FIELD_KIND_TABLE, {.table = {1, &notify}}}};
  amqp_connection_state_t broker =
      connected((struct tuning){0, AMQP_DEFAULT_FRAME_SIZE, 0, {1, &capabilities}});
  const amqp_bytes_t queue = temporary_queue(broker);
  amqp_basic_consume(broker, 1, queue, text_of("tag"), 0, 0, 0, amqp_empty_table);
  expect_done(broker, "basic.consume");
  amqp_channel_open(broker, 2);
  expect_done(broker, "channel.open");
  amqp_queue_delete(broker, 2, queue, 0, 0);
  expect_done(broker, "queue.delete");
  const amqp_basic_cancel_t* cancel = next_method(broker, 1, AMQP_BASIC_CANCEL_METHOD);
  expect_text(cancel->consumer_tag, "tag", "consumer tag");
  temporary_queue(broker);
}

static void errors_carry_their_codes_and_texts(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker);
  char text[512];
  amqp_queue_declare(broker, 1, text_of("nowhere"), 1, 0, 0, 0, amqp_empty_table);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 404, "NOT_FOUND - no queue 'nowhere' in vhost '/'");
  amqp_queue_bind(broker, 1, queue, text_of("nowhere"), amqp_empty_bytes, amqp_empty_table);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'");
  amqp_exchange_declare(broker, 1, text_of("amq.mine"), text_of("direct"), 0, 0, 0, 0, amqp_empty_table);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 403,
                "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'");
  const amqp_bytes_t named = unique("queue");
  amqp_queue_declare(broker, 1, named, 0, 0, 1, 0, amqp_empty_table);
  expect_done(broker, "queue.declare");
  amqp_queue_declare(broker, 1, named, 0, 0, 1, 1, amqp_empty_table);
  snprintf(text, sizeof text,
           "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue '%.*s' in vhost '/': received 'true' but "
           "current is 'false'", (int)named.len, (const char*)named.bytes);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 406, text);
  amqp_basic_ack(broker, 1, 9, 0);
  amqp_queue_declare(broker, 1, queue, 1, 0, 0, 0, amqp_empty_table);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 406, "PRECONDITION_FAILED - unknown delivery tag 9");
  amqp_basic_qos(broker, 1, 7, 0, 0);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 540, "NOT_IMPLEMENTED - prefetch_size!=0 (7)");
}

static void a_call_is_answered_through_direct_reply_to(void) {
  amqp_connection_state_t server = connected(usual_tuning);
  amqp_connection_state_t client = connected(usual_tuning);
  const amqp_bytes_t service = temporary_queue(server);
  const amqp_bytes_t pseudo_queue = text_of("amq.rabbitmq.reply-to");
  amqp_basic_consume(server, 1, service, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
  expect_done(server, "basic.consume of the service");
  amqp_basic_consume(client, 1, pseudo_queue, amqp_empty_bytes, 0, 1, 0, amqp_empty_table);
  expect_done(client, "basic.consume of the replies");
  for (int number = 0; number < 20; ++number) {
    char id[16];
    snprintf(id, sizeof id, "%d", number);
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_REPLY_TO_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG,
                                          .reply_to = pseudo_queue, .correlation_id = text_of(id)};
    amqp_basic_publish(client, 1, amqp_empty_bytes, service, 0, 0, &properties, text_of("ping"));
    amqp_envelope_t request = next_delivery(server);
    const amqp_bytes_t address = request.message.properties.reply_to;
    EXPECT(address.len > pseudo_queue.len && memcmp(address.bytes, pseudo_queue.bytes, pseudo_queue.len) == 0,
           "the address %.*s", (int)address.len, (const char*)address.bytes);
    properties._flags = AMQP_BASIC_CORRELATION_ID_FLAG;
    amqp_basic_publish(server, 1, amqp_empty_bytes, address, 0, 0, &properties, text_of("pong"));
    amqp_envelope_t reply = next_delivery(client);
    expect_text(reply.message.body, "pong", "reply");
    expect_text(reply.message.properties.correlation_id, id, "correlation id");
  }
}

static void heartbeats_keep_an_idle_connection(void) {
  amqp_connection_state_t broker = connected((struct tuning){0, AMQP_DEFAULT_FRAME_SIZE, 1, amqp_empty_table});
  // The library sends its own while it waits, and gives up when it has heard nothing for two intervals.
  struct timeval limit = {4, 0};
  amqp_frame_t frame;
  const int status = amqp_simple_wait_frame_noblock(broker, &frame, &limit);
  EXPECT(status == AMQP_STATUS_TIMEOUT, "idle for 4 s: %s", amqp_error_string2(status));
  temporary_queue(broker);
}

static void transactions_commit_and_roll_back(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  amqp_connection_state_t watcher = connected(usual_tuning);
  const amqp_bytes_t queue = unique("queue");
  amqp_queue_declare(broker, 1, queue, 0, 0, 0, 0, amqp_empty_table);
  expect_done(broker, "queue.declare");
  amqp_tx_select(broker, 1);
  expect_done(broker, "tx.select");
  publish(broker, queue, "dropped");
  amqp_tx_rollback(broker, 1);
  expect_done(broker, "tx.rollback");
  publish(broker, queue, "kept");
  expect_ready(broker, queue, 0);
  amqp_tx_commit(broker, 1);
  expect_done(broker, "tx.commit");
  expect_text(fetched(watcher, queue).body, "kept", "message");
  expect_equal((long long)amqp_queue_delete(watcher, 1, queue, 0, 0)->message_count, 0, "messages left");
}

static void exchanges_route_as_they_are_bound(void) {
  amqp_connection_state_t broker = connected(usual_tuning);
  const amqp_bytes_t queue = temporary_queue(broker), topic = unique("topic"), fanout = unique("fanout");
  amqp_exchange_declare(broker, 1, topic, text_of("topic"), 0, 0, 1, 0, amqp_empty_table);
  expect_done(broker, "exchange.declare");
  amqp_exchange_declare(broker, 1, fanout, text_of("fanout"), 0, 0, 1, 0, amqp_empty_table);
  expect_done(broker, "exchange.declare");
  amqp_exchange_bind(broker, 1, topic, fanout, amqp_empty_bytes, amqp_empty_table);
  expect_done(broker, "exchange.bind");
  amqp_queue_bind(broker, 1, queue, topic, text_of("a.*.#"), amqp_empty_table);
  expect_done(broker, "queue.bind");
  static const char* const keys[] = {"a", "a.b", "a.b.c", "b.a"};
  for (size_t at = 0; at < sizeof keys / sizeof *keys; ++at) {
    amqp_basic_publish(broker, 1, fanout, text_of(keys[at]), 0, 0, NULL, text_of(keys[at]));
  }
  expect_ready(broker, queue, 2);
  expect_equal((long long)amqp_queue_purge(broker, 1, queue)->message_count, 2, "purged messages");
  amqp_exchange_unbind(broker, 1, topic, fanout, amqp_empty_bytes, amqp_empty_table);
  expect_done(broker, "exchange.unbind");
  amqp_queue_unbind(broker, 1, queue, topic, text_of("a.*.#"), amqp_empty_table);
  expect_done(broker, "queue.unbind");
  amqp_exchange_declare(broker, 1, topic, text_of("topic"), 1, 0, 0, 0, amqp_empty_table);
  char text[256];
  snprintf(text, sizeof text, "NOT_FOUND - no exchange '%.*s' in vhost '/'", (int)topic.len, (const char*)topic.bytes);
  expect_closed(broker, 1, amqp_get_rpc_reply(broker), 404, text);  // It was to go with its last binding.
}

int main(int argument_count, char** arguments) {
  static const struct story stories[] = {
      STORY(the_handshake_tells_what_the_broker_can_do),
      STORY(wrong_passwords_and_vhosts_are_refused),
      STORY(a_message_comes_back_with_its_properties),
      STORY(bodies_of_many_frames_arrive_whole),
      STORY(publishes_are_confirmed_in_order),
      STORY(an_unroutable_mandatory_message_is_returned_before_its_confirm),
      STORY(prefetch_limits_a_consumer_until_it_acknowledges),
      STORY(refused_messages_come_back_or_go),
      STORY(a_consumer_that_wants_to_know_hears_that_its_queue_is_gone),
      STORY(errors_carry_their_codes_and_texts),
      STORY(a_call_is_answered_through_direct_reply_to),
      STORY(heartbeats_keep_an_idle_connection),
      STORY(transactions_commit_and_roll_back),
      STORY(exchanges_route_as_they_are_bound),
  };
  return tell_all(stories, sizeof stories / sizeof *stories, argument_count > 1 ? arguments[1] : "");
}
