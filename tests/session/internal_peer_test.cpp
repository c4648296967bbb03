/// The broker as a client of itself, for its links: it needs no password, and nobody else goes
/// without one.
#include "tests/session/script.hpp"

namespace leveret::broker {
namespace {

using namespace std::string_literals;

LEVERET_SCRIPTS(InternalPeer);

/// As far as connection.open.
Client& tuned(World& world, const std::string& address, const std::string& response) {
  Client& client = world.add_client(address);
  client.receives(protocol_header());
  client.take_frame();  // connection.start
  client.receives(start_ok("PLAIN", response)).replies(tune(2047, 131072, 60));
  client.receives(tune_ok(2047, 131072, 0));
  return client;
}

void add_user(World& world, const std::string& name) {
  world.change(PutUser{{name, PasswordHash::of("secret", HashAlgorithm::sha256), {}}});
}

TEST_P(InternalPeer, IsTheBrokerItselfWithoutAName) {
  add_user(world(), "none");  // Has nothing to do with it.
  world().change(AddVhost{"other"});
  Client& client = tuned(world(), "internal", "\0\0"s);
  client.receives(connection_open("other")).replies(connection_open_ok());
  client.receives(channel_open()).replies(channel_open_ok());
  client.receives(exchange_declare("x", "topic")).replies(exchange_declare_ok());
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 0, 0));
  client.receives(queue_bind("q", "x", "key")).replies(queue_bind_ok());
  client.receives(publish("x", "key", "m", {.user_id = "somebody"}));
  client.receives(queue_declare("q")).replies(queue_declare_ok("q", 1, 0));
}

TEST_P(InternalPeer, IsAUserByNameAlone) {
  add_user(world(), "mover");
  world().change(SetPermissions{{"mover", "/", "", "", "^q"}});
  Client& client = tuned(world(), "internal", "\0mover\0"s);
  client.receives(connection_open("/")).replies(connection_open_ok());
  client.receives(channel_open()).replies(channel_open_ok());
  client.receives(queue_declare("q"))
      .replies(channel_close(403,
                             "ACCESS_REFUSED - configure access to queue 'q' in vhost '/' refused "
                             "for user 'mover'",
                             {50, 10}));
}

TEST_P(InternalPeer, EntersNoVirtualHostThatIsNotThere) {
  Client& client = tuned(world(), "internal", "\0\0"s);
  client.receives(connection_open("nowhere"))
      .replies(connection_close(530, "NOT_ALLOWED - vhost nowhere not found", {10, 40}));
}

TEST_P(InternalPeer, MustBeRightWithAPassword) {
  for (const auto& [address, response] :
       {std::pair{"internal"s, "\0guest\0wrong"s}, std::pair{"internal"s, "\0unknown\0"s},
        std::pair{"127.0.0.1"s, "\0\0"s}, std::pair{"127.0.0.1"s, "\0guest\0"s}}) {
    Client& client = world().add_client(address);
    client.receives(protocol_header());
    client.take_frame();  // connection.start
    client.receives(start_ok("PLAIN", response, capable_of("authentication_failure_close")))
        .replies(connection_close(403,
                                  "ACCESS_REFUSED - Login was refused using authentication "
                                  "mechanism PLAIN. For details see the broker logfile."));
  }
}

}  // namespace
}  // namespace leveret::broker
