/// The frame of the stories that the C client plays on a broker.
///
/// Every story runs in a process of its own, with connections of its own, and ends with it, however it fails.
/// The broker is named by the environment: AMQP_HOST, AMQP_PORT, AMQP_USER, AMQP_PASSWORD, AMQP_VHOST.
/// Printed is one plan line `1..N`, then `ok NAME` or `not ok NAME` with the reason as `# ` lines below.
#ifndef LEVERET_TESTS_CLIENTS_STORY_H
#define LEVERET_TESTS_CLIENTS_STORY_H

#include <amqp.h>
#include <amqp_framing.h>
#include <stddef.h>

/// A story; its name is the function's, read as a sentence.
struct story {
  const char* name;
  void (*tell)(void);
};
#define STORY(function) {#function, function}

/// Plays all stories, or those whose names contain `wanted`. Returns the exit code of the program.
int tell_all(const struct story* stories, size_t count, const char* wanted);

/// Ends the story: what the broker did is not what the story tells.
void fail(const char* format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#define EXPECT(condition, ...) \
  do {                         \
    if (!(condition)) fail(__VA_ARGS__); \
  } while (0)

void expect_equal(long long actual, long long expected, const char* what);
void expect_text(amqp_bytes_t actual, const char* expected, const char* what);

/// How a client wants its connection to be.
struct tuning {
  int channel_max;
  int frame_max;
  int heartbeat_s;
  amqp_table_t properties;  ///< Beside those that the library announces by itself.
};
extern const struct tuning usual_tuning;

/// Opens a socket and logs in. The reply is the broker's verdict on the login.
amqp_connection_state_t log_in(struct tuning tuning, const char* password, const char* vhost,
                               amqp_rpc_reply_t* reply);

/// A connection with channel 1 open.
amqp_connection_state_t connected(struct tuning tuning);

/// The last synchronous call must have gone well.
void expect_done(amqp_connection_state_t broker, const char* what);

/// The reply must be the broker's close of the channel or the connection with exactly this code and text.
/// It is answered with close-ok; a channel is opened again, under the same number.
void expect_closed(amqp_connection_state_t broker, amqp_channel_t channel, amqp_rpc_reply_t reply, int code,
                   const char* text);

/// A queue with a generated name that goes with its connection. The name is valid until the story ends.
amqp_bytes_t temporary_queue(amqp_connection_state_t broker);

/// A name that no other story uses. It is valid until the story ends.
amqp_bytes_t unique(const char* word);

/// That many messages must be ready in the queue, at the latest after 10 s: RabbitMQ counts before it has taken
/// what was published just now.
void expect_ready(amqp_connection_state_t broker, amqp_bytes_t queue, long long expected);

/// Publishes a text on channel 1 through the default exchange.
void publish(amqp_connection_state_t broker, amqp_bytes_t queue, const char* text);

/// The next message for any consumer; it must come within 10 s.
amqp_envelope_t next_delivery(amqp_connection_state_t broker);

/// The next frame must be this method, on this channel, within 10 s. Returns its fields.
void* next_method(amqp_connection_state_t broker, amqp_channel_t channel, amqp_method_number_t method);

#endif
