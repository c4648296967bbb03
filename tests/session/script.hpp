/// What every script starts with: a world in the form asked for, and clients that are logged in.
///
/// Thread: the test's.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tests/session/client.hpp"
#include "tests/session/methods.hpp"
#include "tests/session/world.hpp"

namespace leveret::broker {

class Script : public testing::TestWithParam<Form> {
 protected:
  Script() : world_(GetParam()) {}

  /// The script ends well when nothing was said that it did not expect, and nothing is left of the
  /// connections when all have gone.
  void TearDown() override {
    world_.catch_up();
    for (auto& client : world_.clients()) client->check_nothing_left();
    world_.hang_up_everybody();
    EXPECT_EQ(world_.connection_count(), 0U);
  }

  World& world() { return world_; }

  /// A client up to connection.tune-ok, which it may say itself.
  Client& greeted(const FieldTable& client_properties = {}) {
    Client& client = world_.add_client();
    client.receives(protocol_header()).template takes<amqp::connection::Start>([](const auto&) {
      return true;
    });
    const SessionSettings& settings = world_.settings();
    client.receives(start_ok("PLAIN", std::string_view("\0guest\0guest", 12), client_properties))
        .replies(tune(settings.channel_max, settings.frame_max_bytes, settings.heartbeat_s));
    return client;
  }

  /// A client with an open connection to "/", without heartbeats.
  Client& connected(const FieldTable& client_properties = {}) {
    Client& client = greeted(client_properties);
    client.receives(tune_ok(2047, 131072, 0), connection_open("/")).replies(connection_open_ok());
    return client;
  }

  /// A client with channel 1 open.
  Client& on_a_channel(const FieldTable& client_properties = {}) {
    Client& client = connected(client_properties);
    client.receives(channel_open()).replies(channel_open_ok());
    return client;
  }

  static FieldTable capable_of(const char* capability) {
    return table({{"capabilities",
                   FieldValue::table(table({{capability, FieldValue::boolean(true)}}))}});
  }

 private:
  World world_;
};

inline auto every_form() {
  return testing::Values(Form{1, Split::frames}, Form{1, Split::bytes}, Form{1, Split::chunk},
                         Form{2, Split::frames}, Form{2, Split::bytes}, Form{2, Split::chunk});
}

inline std::string form_name(const testing::TestParamInfo<Form>& form) {
  return name_of(form.param);
}

}  // namespace leveret::broker

/// Plays all scripts of a suite in all forms.
#define LEVERET_SCRIPTS(suite)    \
  class suite : public Script {}; \
  INSTANTIATE_TEST_SUITE_P(Played, suite, every_form(), form_name)
