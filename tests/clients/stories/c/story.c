#include "story.h"

#include <amqp_tcp_socket.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { story_limit_s = 20, wait_limit_s = 10, reason_bytes_max = 4096 };

const struct tuning usual_tuning = {0, AMQP_DEFAULT_FRAME_SIZE, 0, {0, NULL}};

static int reason_pipe = -1;  // Where the process of a story writes why it failed.

void fail(const char* format, ...) {
  char text[reason_bytes_max];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  ssize_t written = write(reason_pipe, text, strlen(text));
  _exit(written < 0 ? 2 : 1);
}

static void time_is_over(int signal_number) {
  (void)signal_number;
  static const char text[] = "not finished within its time";
  ssize_t written = write(reason_pipe, text, sizeof text - 1);
  _exit(written < 0 ? 2 : 1);
}

static void print_as_sentence(const char* verdict, const char* name) {
  printf("%s ", verdict);
  for (; *name != '\0'; ++name) putchar(*name == '_' ? ' ' : *name);
  putchar('\n');
}

static void print_reason(const char* reason) {
  for (const char* line = reason; *line != '\0';) {
    size_t length = strcspn(line, "\n");
    printf("# %.*s\n", (int)length, line);
    line += length + (line[length] == '\n');
  }
}

// Plays one story in a process of its own. Returns whether it went as told.
static int play(const struct story* one) {
  int ends[2];
  if (pipe(ends) != 0) abort();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    reason_pipe = ends[1];
    signal(SIGALRM, time_is_over);
    alarm(story_limit_s);
    one->tell();
    _exit(0);
  }
  close(ends[1]);
  char reason[reason_bytes_max + 1] = "";
  size_t length = 0;
  ssize_t count;
  while ((count = read(ends[0], reason + length, reason_bytes_max - length)) > 0) length += (size_t)count;
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  const int passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  print_as_sentence(passed ? "ok" : "not ok", one->name);
  if (!passed && WIFSIGNALED(status)) printf("# ended by signal %d\n", WTERMSIG(status));
  print_reason(reason);
  fflush(stdout);
  return passed;
}

int tell_all(const struct story* stories, size_t count, const char* wanted) {
  size_t planned = 0;
  size_t failed = 0;
  for (size_t at = 0; at < count; ++at) planned += strstr(stories[at].name, wanted) != NULL;
  printf("1..%zu\n", planned);
  for (size_t at = 0; at < count; ++at) {
    if (strstr(stories[at].name, wanted) != NULL) failed += !play(&stories[at]);
  }
  return failed > 0;
}

void expect_equal(long long actual, long long expected, const char* what) {
  EXPECT(actual == expected, "%s: expected %lld, got %lld", what, expected, actual);
}

void expect_text(amqp_bytes_t actual, const char* expected, const char* what) {
  EXPECT(actual.len == strlen(expected) && memcmp(actual.bytes, expected, actual.len) == 0,
         "%s: expected '%s', got '%.*s'", what, expected, (int)actual.len, (const char*)actual.bytes);
}

static const char* from_environment(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value != NULL ? value : otherwise;
}

amqp_connection_state_t log_in(struct tuning tuning, const char* password, const char* vhost,
                               amqp_rpc_reply_t* reply) {
  amqp_connection_state_t broker = amqp_new_connection();
  amqp_socket_t* socket = amqp_tcp_socket_new(broker);
  const int port = atoi(from_environment("AMQP_PORT", "5672"));
  const int status = amqp_socket_open(socket, from_environment("AMQP_HOST", "127.0.0.1"), port);
  EXPECT(status == AMQP_STATUS_OK, "connect: %s", amqp_error_string2(status));
  *reply = amqp_login_with_properties(
      broker, vhost != NULL ? vhost : from_environment("AMQP_VHOST", "/"), tuning.channel_max, tuning.frame_max,
      tuning.heartbeat_s, &tuning.properties, AMQP_SASL_METHOD_PLAIN, from_environment("AMQP_USER", "guest"),
      password != NULL ? password : from_environment("AMQP_PASSWORD", "guest"));
  return broker;
}

// Writes what a reply says: "normal", "404 NOT_FOUND - ..." or the library's own error.
static int close_code(amqp_rpc_reply_t reply, char* text, size_t size) {
  if (reply.reply_type == AMQP_RESPONSE_NORMAL) {
    snprintf(text, size, "normal");
  } else if (reply.reply_type == AMQP_RESPONSE_LIBRARY_EXCEPTION) {
    snprintf(text, size, "%s", amqp_error_string2(reply.library_error));
  } else if (reply.reply.id == AMQP_CHANNEL_CLOSE_METHOD) {
    const amqp_channel_close_t* closed = reply.reply.decoded;
    snprintf(text, size, "%.*s", (int)closed->reply_text.len, (const char*)closed->reply_text.bytes);
    return closed->reply_code;
  } else if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    const amqp_connection_close_t* closed = reply.reply.decoded;
    snprintf(text, size, "%.*s", (int)closed->reply_text.len, (const char*)closed->reply_text.bytes);
    return closed->reply_code;
  } else {
    snprintf(text, size, "method 0x%08X", reply.reply.id);
  }
  return 0;
}

static void expect_normal(amqp_rpc_reply_t reply, const char* what) {
  char text[512];
  const int code = close_code(reply, text, sizeof text);
  EXPECT(reply.reply_type == AMQP_RESPONSE_NORMAL, "%s: %d %s", what, code, text);
}

amqp_connection_state_t connected(struct tuning tuning) {
  amqp_rpc_reply_t reply;
  amqp_connection_state_t broker = log_in(tuning, NULL, NULL, &reply);
  expect_normal(reply, "login");
  amqp_channel_open(broker, 1);
  expect_done(broker, "channel.open");
  return broker;
}

void expect_done(amqp_connection_state_t broker, const char* what) {
  expect_normal(amqp_get_rpc_reply(broker), what);
}

void expect_closed(amqp_connection_state_t broker, amqp_channel_t channel, amqp_rpc_reply_t reply, int code,
                   const char* text) {
  char actual_text[512];
  const int actual_code = close_code(reply, actual_text, sizeof actual_text);
  EXPECT(actual_code == code && strcmp(actual_text, text) == 0, "expected %d '%s', got %d '%s'", code, text,
         actual_code, actual_text);
  if (reply.reply.id == AMQP_CONNECTION_CLOSE_METHOD) {
    amqp_connection_close_ok_t answer = {0};
    amqp_send_method(broker, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, &answer);
    return;
  }
  amqp_channel_close_ok_t answer = {0};
  amqp_send_method(broker, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, &answer);
  amqp_channel_open(broker, channel);
  expect_done(broker, "channel.open of the closed channel");
}

amqp_bytes_t temporary_queue(amqp_connection_state_t broker) {
  const amqp_queue_declare_ok_t* declared =
      amqp_queue_declare(broker, 1, amqp_empty_bytes, 0, 0, 1, 0, amqp_empty_table);
  expect_done(broker, "queue.declare");
  return amqp_bytes_malloc_dup(declared->queue);
}

amqp_bytes_t unique(const char* word) {
  static int used = 0;
  struct timeval now;
  gettimeofday(&now, NULL);
  char name[128];
  snprintf(name, sizeof name, "story.%s.%d.%lld%06ld.%d", word, (int)getpid(), (long long)now.tv_sec,
           (long)now.tv_usec, ++used);
  return amqp_bytes_malloc_dup(amqp_cstring_bytes(name));
}

void expect_ready(amqp_connection_state_t broker, amqp_bytes_t queue, long long expected) {
  struct timeval now, end;
  gettimeofday(&end, NULL);
  end.tv_sec += wait_limit_s;
  long long count;
  do {
    const amqp_queue_declare_ok_t* declared = amqp_queue_declare(broker, 1, queue, 1, 0, 0, 0, amqp_empty_table);
    expect_done(broker, "queue.declare passive");
    count = declared->message_count;
    gettimeofday(&now, NULL);
  } while (count != expected && timercmp(&now, &end, <));
  EXPECT(count == expected, "messages ready: expected %lld, got %lld", expected, count);
}

void publish(amqp_connection_state_t broker, amqp_bytes_t queue, const char* text) {
  const int status =
      amqp_basic_publish(broker, 1, amqp_empty_bytes, queue, 0, 0, NULL, amqp_cstring_bytes(text));
  EXPECT(status == AMQP_STATUS_OK, "basic.publish: %s", amqp_error_string2(status));
}

amqp_envelope_t next_delivery(amqp_connection_state_t broker) {
  struct timeval limit = {wait_limit_s, 0};
  amqp_envelope_t envelope;
  expect_normal(amqp_consume_message(broker, &envelope, &limit, 0), "a delivery");
  return envelope;
}

void* next_method(amqp_connection_state_t broker, amqp_channel_t channel, amqp_method_number_t method) {
  struct timeval limit = {wait_limit_s, 0};
  amqp_frame_t frame;
  const int status = amqp_simple_wait_frame_noblock(broker, &frame, &limit);
  EXPECT(status == AMQP_STATUS_OK, "%s does not come: %s", amqp_method_name(method), amqp_error_string2(status));
  EXPECT(frame.frame_type == AMQP_FRAME_METHOD && frame.channel == channel && frame.payload.method.id == method,
         "expected %s on channel %d, got frame type %d, method 0x%08X on channel %d", amqp_method_name(method), channel,
         frame.frame_type, frame.frame_type == AMQP_FRAME_METHOD ? frame.payload.method.id : 0, frame.channel);
  return frame.payload.method.decoded;
}
