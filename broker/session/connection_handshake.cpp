// The way from the protocol header to connection.open-ok.

#include <algorithm>

#include "broker/session/connection_session.hpp"
#include "broker/session/sasl.hpp"
#include "protocol/field_table.hpp"
#include "protocol/limits.hpp"

namespace leveret::broker {

using protocol::AmqpError;
using protocol::FieldTable;
using protocol::FieldValue;
namespace connection = protocol::connection;

namespace {

FieldTable server_properties(const SessionSettings& settings) {
  FieldTable capabilities;
  // The names that RabbitMQ 3.13 gives; aiormq fails without the table, Bunny and py-amqp choose
  // by single entries.
  for (const char* name :
       {"publisher_confirms", "exchange_exchange_bindings", "basic.nack", "consumer_cancel_notify",
        "connection.blocked", "consumer_priorities", "authentication_failure_close",
        "per_consumer_qos", "direct_reply_to"}) {
    capabilities.set(name, FieldValue::boolean(true));
  }
  FieldTable properties;
  properties.set("capabilities", FieldValue::table(std::move(capabilities)));
  properties.set("cluster_name", FieldValue::long_string(settings.cluster_name));
  properties.set("copyright", FieldValue::long_string("The Leveret authors"));
  properties.set("information", FieldValue::long_string("Leveret, an AMQP 0-9-1 message broker"));
  properties.set("platform", FieldValue::long_string(settings.platform));
  properties.set("product", FieldValue::long_string(settings.product));
  properties.set("version", FieldValue::long_string(settings.version));
  return properties;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

bool has_capability(const FieldTable& capabilities, std::string_view name) {
  const FieldValue* value = capabilities.find(name);
  return value != nullptr && value->as_bool().value_or(false);
}

}  // namespace

void ConnectionSession::start() {
  const FieldTable properties = server_properties(*settings_);
  std::vector<std::byte> encoded(4 + properties.encoded_size());
  protocol::WireWriter writer(encoded);
  properties.encode(writer);
  const std::string mechanisms = joined(settings_->mechanisms);

  state_ = State::awaiting_start_ok;
  connection::Start method;
  method.version_major = 0;
  method.version_minor = 9;
  method.server_properties = protocol::TableView{std::span(encoded).subspan(4)};
  method.mechanisms = mechanisms;
  method.locales = "en_US";
  write(0, method);
}

void ConnectionSession::read_capabilities(const FieldTable& client_properties) {
  if (const FieldValue* name = client_properties.find("connection_name")) {
    client_name_ = name->as_string().value_or("");
  }
  const FieldValue* value = client_properties.find("capabilities");
  const FieldTable* capabilities = value == nullptr ? nullptr : value->as_table();
  if (capabilities == nullptr) return;  // Not said is not capable.
  client_wants_cancel_notify_ = has_capability(*capabilities, "consumer_cancel_notify");
  client_wants_blocked_ = has_capability(*capabilities, "connection.blocked");
  client_wants_auth_failure_close_ =
      has_capability(*capabilities, "authentication_failure_close");
}

void ConnectionSession::on(const connection::StartOk& method) {
  if (state_ != State::awaiting_start_ok) {
    return fail_out_of_turn(connection::StartOk::id);
  }
  auto client_properties = method.client_properties.decode();
  if (!client_properties) return fail(0, client_properties.error());
  client_properties_.assign(method.client_properties.content.begin(),
                            method.client_properties.content.end());
  read_capabilities(*client_properties);

  const auto& offered = settings_->mechanisms;
  if (std::find(offered.begin(), offered.end(), method.mechanism) == offered.end()) {
    return fail(0, AmqpError::command_invalid("unknown authentication mechanism '" +
                                              std::string(method.mechanism) + "'"));
  }
  authenticate(method.mechanism, std::as_bytes(std::span(method.response)));
}

void ConnectionSession::authenticate(std::string_view mechanism,
                                     std::span<const std::byte> response) {
  mechanism_ = mechanism;
  auto credentials = parse_sasl_response(mechanism, response);
  if (!credentials) return fail(0, credentials.error());
  const bool is_trusted = peer_.is_internal && credentials->password.empty();
  acts_for_broker_ = is_trusted && credentials->user.empty();
  const User* user = shard_.topology().users().find(credentials->user);
  const bool is_known =
      acts_for_broker_ ||
      (user != nullptr && (is_trusted || user->password_hash.matches(credentials->password)));
  if (!is_known) {
    return refuse_login(credentials->user,
                        "user '" + credentials->user + "' - invalid credentials");
  }
  if (!may_connect_from(credentials->user, peer_.is_loopback, settings_->loopback_only_users)) {
    return refuse_login(credentials->user,
                        "user '" + credentials->user + "' can only connect via localhost");
  }
  // RabbitMQ's direct connections without a user bear this name, too.
  user_ = acts_for_broker_ ? "none" : credentials->user;
  if (!acts_for_broker_) tell_login(true, user_);

  state_ = State::awaiting_tune_ok;
  connection::Tune tune;
  tune.channel_max = settings_->channel_max;
  tune.frame_max = settings_->frame_max_bytes;
  tune.heartbeat = settings_->heartbeat_s;
  write(0, tune);
}

void ConnectionSession::refuse_login(const std::string& user, const std::string& why) {
  tell_login(false, user, why);
  log(SessionEvent::Level::warning, SessionEvent::Category::auth,
      "connection " + name() + ": " + mechanism_ + " login refused: " + why);
  if (!client_wants_auth_failure_close_) return close_silently();
  close_with(AmqpError::access_refused("Login was refused using authentication mechanism " +
                                       mechanism_ + ". For details see the broker logfile."));
}

bool ConnectionSession::check_tuning(const connection::TuneOk& method) {
  const auto refuse = [&](const std::string& what) {
    fail(0, AmqpError::not_allowed(what).raised_by(connection::TuneOk::id));
    return false;
  };
  const auto check_max = [&](std::string_view what, std::uint32_t value, std::uint32_t maximum,
                             std::uint32_t minimum) {
    const std::string prefix = "negotiated " + std::string(what) + " = " + std::to_string(value);
    if (value == 0 && maximum != 0) {
      return refuse(prefix + " (no limit) is higher than the maximum allowed value (" +
                    std::to_string(maximum) + ")");
    }
    if (value != 0 && value < minimum) {
      return refuse(prefix + " is lower than the minimum allowed value (" +
                    std::to_string(minimum) + ")");
    }
    if (maximum != 0 && value > maximum) {
      return refuse(prefix + " is higher than the maximum allowed value (" +
                    std::to_string(maximum) + ")");
    }
    return true;
  };
  return check_max("frame_max", method.frame_max, settings_->frame_max_bytes,
                   protocol::frame_min_size_bytes) &&
         check_max("channel_max", method.channel_max, settings_->channel_max, 1);
}

void ConnectionSession::on(const connection::TuneOk& method) {
  if (state_ != State::awaiting_tune_ok) {
    return fail_out_of_turn(connection::TuneOk::id);
  }
  if (!check_tuning(method)) return;
  // 0 is no limit, where the node has none either: then the numbers' own range is the limit.
  channel_max_ = method.channel_max == 0 ? UINT16_MAX : method.channel_max;
  frame_max_bytes_ = method.frame_max;
  heartbeat_s_ = method.heartbeat;
  parser_.set_frame_max(frame_max_bytes_);
  state_ = State::awaiting_open;
}

void ConnectionSession::on(const connection::Open& method) {
  if (state_ != State::awaiting_open) {
    return fail_out_of_turn(connection::Open::id);
  }
  vhost_ = method.virtual_host;
  awaits_admission_ = true;
  begin_wait();
  shard_.send(ShardId{0},
              TopologyRequest{shard_.endpoint_ref(slot_), AdmitConnection{user_, vhost_}});
}

void ConnectionSession::receive(TopologyReply&& message) {
  awaits_admission_ = false;
  if (!awaited_open_.empty()) return end_open_channel(message);
  if (state_ == State::closed || state_ == State::closing) {
    if (message.outcome) {
      shard_.send(ShardId{0}, TopologyRequest{EndpointRef{}, ReleaseConnection{user_, vhost_}});
    }
    return end_wait();
  }
  admitted_ = message.outcome.has_value();
  const auto refuse = [&](AmqpError error) {
    fail(0, error.raised_by(connection::Open::id));
    end_wait();
  };
  if (!admitted_) return refuse(message.outcome.error());
  if (shard_.topology().find_vhost(vhost_) == nullptr) {
    return refuse(AmqpError::not_allowed("vhost " + vhost_ + " not found"));
  }
  if (!acts_for_broker_ && !shard_.topology().users().may_access_vhost(user_, vhost_)) {
    return refuse(AmqpError::not_allowed("access to vhost '" + vhost_ + "' refused for user '" +
                                         user_ + "'"));
  }
  state_ = State::open;
  deadline_ = never;
  last_received_ = shard_.now();
  arm_timer();
  log(SessionEvent::Level::info, SessionEvent::Category::connection,
      "connection " + name() + ": user '" + user_ + "' authenticated and granted access to " +
          "vhost '" + vhost_ + "'");
  write(0, connection::OpenOk{});
  tell_opened();
  end_wait();
}

void ConnectionSession::on(const connection::UpdateSecret&) {
  if (state_ != State::open) {
    return fail_out_of_turn(connection::UpdateSecret::id);
  }
  // A password does not expire, so there is nothing to renew: RabbitMQ's own user database takes
  // any secret, too. Tokens, which do expire, are not accepted at login.
  write(0, connection::UpdateSecretOk{});
}

}  // namespace leveret::broker
