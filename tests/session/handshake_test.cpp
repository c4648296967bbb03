/// From the protocol header to connection.open-ok, and the ways it may fail.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;

LEVERET_SCRIPTS(Handshake);

FieldTable server_properties() {
  FieldTable capabilities;
  for (const char* name :
       {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
        "connection.blocked", "consumer_priorities", "authentication_failure_close",
        "per_consumer_qos", "direct_reply_to"}) {
    capabilities.set(name, FieldValue::boolean(true));
  }
  return table({{"capabilities", FieldValue::table(capabilities)},
                {"cluster_name", FieldValue::long_string("leveret@test")},
                {"copyright", FieldValue::long_string("The Leveret authors")},
                {"information", FieldValue::long_string("Leveret, an AMQP 0-9-1 message broker")},
                {"platform", FieldValue::long_string("C++20")},
                {"product", FieldValue::long_string("RabbitMQ")},
                {"version", FieldValue::long_string("3.13.7")}});
}

Frames start() {
  const TableBytes properties(server_properties());
  return frame_of(
      amqp::connection::Start{0, 9, properties.view(), "PLAIN AMQPLAIN", "en_US"}, 0);
}

/// What AMQPLAIN answers: a table without the length before it.
std::string amqplain(const std::string& user, const std::string& password) {
  const TableBytes response(table({{"LOGIN", FieldValue::long_string(user)},
                                   {"PASSWORD", FieldValue::long_string(password)}}));
  return std::string(protocol::text_of(response.view().content));
}

const auto plain_guest = "\0guest\0guest"s;

TEST_P(Handshake, GoesThroughWithPlain) {
  Client& client = world().add_client();
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("PLAIN", plain_guest)).replies(tune(2047, 131072, 60));
  client.receives(tune_ok(2047, 131072, 60), connection_open("/")).replies(connection_open_ok());
  client.receives(connection_close(200, "bye")).replies(connection_close_ok()).is_not_closed();
  EXPECT_TRUE(client.has_logged("user 'guest' authenticated and granted access to vhost '/'"));
}

TEST_P(Handshake, GoesThroughWithAmqplain) {
  Client& client = world().add_client();
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("AMQPLAIN", amqplain("guest", "guest"))).replies(tune(2047, 131072, 60));
  client.receives(tune_ok(2047, 131072, 0), connection_open("/")).replies(connection_open_ok());
}

// Goal: some old clients begin with the header of 0-9 and speak 0-9-1.
TEST_P(Handshake, TakesTheHeaderOfAmqp09) {
  Client& client = world().add_client();
  client.receives(raw_bytes("AMQP\x01\x01\0\x09"s)).replies(start());
}

TEST_P(Handshake, AnswersAnotherHeaderWithItsOwnAndCloses) {
  for (const auto& header : {"AMQP\0\x01\0\0"s, "AMQP\x03\x01\0\0"s, "GET / HT"s}) {
    Client& client = world().add_client();
    client.receives(raw_bytes(header)).replies(protocol_header()).is_closed();
  }
}

TEST_P(Handshake, TellsNothingBeforeTheHeaderIsWhole) {
  Client& client = world().add_client();
  client.receives(raw_bytes("AMQP\0\0\x09"s)).replies_nothing();
  client.receives(raw_bytes("\x01"s)).replies(start());
}

TEST_P(Handshake, OffersWhatIsConfigured) {
  world().settings().channel_max = 7;
  world().settings().frame_max_bytes = 8192;
  world().settings().heartbeat_s = 13;
  world().settings().product = "Leveret";
  world().settings().version = "0.1.0";
  world().settings().mechanisms = {"AMQPLAIN"};
  Client& client = world().add_client();
  const auto offered =
      client.receives(protocol_header()).takes<amqp::connection::Start>([](const auto& method) {
        const auto properties = method.server_properties.decode();
        return std::string(method.mechanisms) + "," +
               std::string(*properties->find("product")->as_string()) + "," +
               std::string(*properties->find("version")->as_string());
      });
  EXPECT_EQ(offered, "AMQPLAIN,Leveret,0.1.0");
  client.receives(start_ok("AMQPLAIN", amqplain("guest", "guest"))).replies(tune(7, 8192, 13));
}

// ---- login ---------------------------------------------------------------------------------

TEST_P(Handshake, TellsWhoAsksForItThatTheLoginWasRefused) {
  for (const std::string mechanism : {"PLAIN", "AMQPLAIN"}) {
    Client& client = world().add_client();
    client.receives(protocol_header()).replies(start());
    const std::string response =
        mechanism == "PLAIN" ? "\0guest\0wrong"s : amqplain("guest", "wrong");
    client.receives(start_ok(mechanism, response, capable_of("authentication_failure_close")))
        .replies(connection_close(
            403, "ACCESS_REFUSED - Login was refused using authentication mechanism " + mechanism +
                     ". For details see the broker logfile."))
        .is_not_closed();
    client.receives(connection_close_ok()).replies_nothing().is_closed();
    EXPECT_TRUE(client.has_logged("user 'guest' - invalid credentials"));
  }
}

// Goal: without the capability nothing is said, and guessing passwords is slow.
TEST_P(Handshake, HangsUpAfterAWhileOnAWrongPassword) {
  Client& client = world().add_client();
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("PLAIN", "\0guest\0wrong"s)).replies_nothing().is_not_closed();
  world().advance(2999ms);
  client.is_not_closed();
  world().advance(1ms);
  client.replies_nothing().is_closed();
}

TEST_P(Handshake, RefusesUnknownUsersAsWrongPasswords) {
  Client& client = world().add_client();
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("PLAIN", "\0nobody\0guest"s, capable_of("authentication_failure_close")))
      .replies(connection_close(403,
                                "ACCESS_REFUSED - Login was refused using authentication mechanism "
                                "PLAIN. For details see the broker logfile."));
  // Who does not answer is not waited for as long as others.
  world().advance(2999ms);
  client.is_not_closed();
  world().advance(1ms);
  client.replies_nothing().is_closed();
}

TEST_P(Handshake, LetsGuestComeFromThisMachineOnly) {
  Client& client = world().add_client("192.0.2.1");
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("PLAIN", plain_guest)).replies_nothing();
  EXPECT_TRUE(client.has_logged("user 'guest' can only connect via localhost"));
  world().advance(3s);
  client.replies_nothing().is_closed();
}

TEST_P(Handshake, HangsUpOnAnUnknownMechanism) {
  Client& client = world().add_client();
  client.receives(protocol_header()).replies(start());
  client.receives(start_ok("EXTERNAL", "")).replies_nothing();
  EXPECT_TRUE(client.has_logged("unknown authentication mechanism 'EXTERNAL'"));
  world().advance(3s);
  client.is_closed();
}

// ---- tuning --------------------------------------------------------------------------------

// Goal: a client may ask for less, never for more, and 0 is "no limit": more.
TEST_P(Handshake, HangsUpOnLimitsThatAreNotItsOwn) {
  const std::vector<std::pair<Frames, std::string>> cases{
      {tune_ok(2048, 131072, 60),
       "negotiated channel_max = 2048 is higher than the maximum allowed value (2047)"},
      {tune_ok(0, 131072, 60),
       "negotiated channel_max = 0 (no limit) is higher than the maximum allowed value (2047)"},
      {tune_ok(2047, 131073, 60),
       "negotiated frame_max = 131073 is higher than the maximum allowed value (131072)"},
      {tune_ok(2047, 0, 60),
       "negotiated frame_max = 0 (no limit) is higher than the maximum allowed value (131072)"},
      {tune_ok(2047, 4095, 60),
       "negotiated frame_max = 4095 is lower than the minimum allowed value (4096)"},
  };
  for (const auto& [answer, complaint] : cases) {
    Client& client = greeted();
    client.receives(answer).replies_nothing();
    EXPECT_TRUE(client.has_logged(complaint)) << complaint;
    world().advance(3s);
    client.replies_nothing().is_closed();
  }
}

TEST_P(Handshake, TakesTheSmallestLimits) {
  Client& client = greeted();
  client.receives(tune_ok(1, 4096, 0), connection_open("/")).replies(connection_open_ok());
  client.receives(channel_open()).replies(channel_open_ok());
  client.receives(on_channel(2, channel_open()))
      .replies(connection_close(530,
                                "NOT_ALLOWED - number of channels opened (1) has reached the "
                                "negotiated channel_max (1)"));
  client.receives(connection_close_ok()).is_closed();
}

// Goal: until limits are agreed on, a frame may have 4096 bytes and 8 more, as RabbitMQ allows.
TEST_P(Handshake, RefusesLargeFramesBeforeTuning) {
  Client& small = world().add_client();
  small.receives(protocol_header()).replies(start());
  const FieldTable fits =
      table({{"x", FieldValue::long_string(std::string(4096 - 43, 'x'))}});
  const Frames largest = start_ok("PLAIN", plain_guest, fits);
  ASSERT_EQ(largest.bytes.size(), 4096U + 8U);
  small.receives(largest).replies(tune(2047, 131072, 60));

  Client& large = world().add_client();
  large.receives(protocol_header()).replies(start());
  const FieldTable too_much =
      table({{"x", FieldValue::long_string(std::string(4096 - 42, 'x'))}});
  large.receives(start_ok("PLAIN", plain_guest, too_much)).replies_nothing();
  world().advance(3s);
  large.is_closed();
}

// ---- open ----------------------------------------------------------------------------------

TEST_P(Handshake, RefusesAVhostThatDoesNotExist) {
  Client& client = greeted();
  client.receives(tune_ok(2047, 131072, 60), connection_open("other"))
      .replies(connection_close(530, "NOT_ALLOWED - vhost other not found", {10, 40}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Handshake, RefusesAVhostWithoutPermissions) {
  auto users = std::make_shared<Users>();
  users->add({"guest", PasswordHash::of("guest", HashAlgorithm::sha512), {}});
  world().install(users, {"closed"});
  Client& client = greeted();
  client.receives(tune_ok(2047, 131072, 60), connection_open("closed"))
      .replies(connection_close(
          530, "NOT_ALLOWED - access to vhost 'closed' refused for user 'guest'", {10, 40}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Handshake, KeepsTheNodesLimitOfConnections) {
  NodeLimits limits;
  limits.connections = 1;
  world().set_limits(limits);
  Client& first = connected();
  Client& second = greeted();
  second.receives(tune_ok(2047, 131072, 0), connection_open("/"))
      .replies(connection_close(
          530, "NOT_ALLOWED - connection refused: node connection limit (1) is reached", {10, 40}));
  second.receives(connection_close_ok()).is_closed();
  first.receives(connection_close(200, "")).replies(connection_close_ok());
  connected();
}

TEST_P(Handshake, KeepsAUsersLimitOfConnections) {
  NodeLimits limits;
  limits.connections_per_user = 1;
  world().set_limits(limits);
  Client& first = connected();
  Client& second = greeted();
  second.receives(tune_ok(2047, 131072, 0), connection_open("/"))
      .replies(connection_close(530,
                                "NOT_ALLOWED - connection refused for user 'guest': user "
                                "connection limit (1) is reached",
                                {10, 40}));
  second.receives(connection_close_ok()).is_closed();
  first.hangs_up();
  connected();
}

// ---- out of turn ---------------------------------------------------------------------------

TEST_P(Handshake, AllowsNoChannelsBeforeItIsDone) {
  Client& client = greeted();
  client.receives(tune_ok(2047, 131072, 0), channel_open())
      .replies(connection_close(505,
                                "UNEXPECTED_FRAME - type 1, all octets = <<0,20,0,10,0>>"));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Handshake, RefusesASecondOpen) {
  Client& client = connected();
  client.receives(connection_open("/"))
      .replies(connection_close(
          504, "CHANNEL_ERROR - unexpected method in connection state running", {10, 40}));
  client.receives(connection_close_ok()).is_closed();
}

TEST_P(Handshake, HasATimeLimit) {
  Client& silent = world().add_client();
  Client& slow = greeted();
  slow.receives(tune_ok(2047, 131072, 60));
  Client& quick = greeted();
  quick.receives(tune_ok(2047, 131072, 0), connection_open("/")).replies(connection_open_ok());
  world().advance(9999ms);
  silent.is_not_closed();
  slow.is_not_closed();
  world().advance(1ms);
  silent.replies_nothing().is_closed();
  slow.replies_nothing().is_closed();
  EXPECT_TRUE(slow.has_logged("the handshake has taken too long"));
  world().advance(1h);
  quick.is_not_closed();
}

TEST_P(Handshake, SurvivesClientsThatVanishInIt) {
  world().add_client().hangs_up();
  greeted().hangs_up();
  Client& opening = greeted();
  opening.receives(tune_ok(2047, 131072, 0), connection_open("/"));
  opening.take_all();
  opening.hangs_up();
  connected();
}

}  // namespace
}  // namespace leveret::broker
