// What the other broker says: the handshake, answers, the end.

#include <algorithm>
#include <utility>

#include "broker/links/client_connection.hpp"
#include "protocol/field_table.hpp"
#include "protocol/limits.hpp"

namespace leveret::links {

using protocol::FieldTable;
using protocol::FieldValue;
namespace connection = protocol::connection;

namespace {

std::vector<std::byte> encoded(const FieldTable& table) {
  std::vector<std::byte> bytes(4 + table.encoded_size());
  protocol::WireWriter writer(bytes);
  table.encode(writer);
  return bytes;
}

FieldTable client_properties(const std::string& name) {
  FieldTable capabilities;
  for (const char* capability :
       {"authentication_failure_close", "basic.nack", "connection.blocked",
        "consumer_cancel_notify", "exchange_exchange_bindings", "publisher_confirms"}) {
    capabilities.set(capability, FieldValue::boolean(true));
  }
  FieldTable properties;
  properties.set("product", FieldValue::long_string("Leveret"));
  properties.set("connection_name", FieldValue::long_string(name));
  properties.set("capabilities", FieldValue::table(std::move(capabilities)));
  return properties;
}

std::string sasl_response(const std::string& mechanism, const std::string& user,
                          const std::string& password) {
  if (mechanism == "PLAIN") return std::string(1, '\0') + user + '\0' + password;
  FieldTable login;
  login.set("LOGIN", FieldValue::long_string(user));
  login.set("PASSWORD", FieldValue::long_string(password));
  const std::vector<std::byte> bytes = encoded(login);
  return {reinterpret_cast<const char*>(bytes.data()) + 4, bytes.size() - 4};
}

bool is_offered(std::string_view offered, std::string_view mechanism) {
  while (!offered.empty()) {
    const std::string_view word = offered.substr(0, offered.find(' '));
    if (word == mechanism) return true;
    offered.remove_prefix(std::min(offered.size(), word.size() + 1));
  }
  return false;
}

std::string told(std::uint16_t code, std::string_view text) {
  return std::to_string(code) + " " + std::string(text);
}

}  // namespace

// ---- the handshake -------------------------------------------------------------------------

void ClientConnection::on(const connection::Start& method) {
  if (auto properties = method.server_properties.decode()) {
    server_properties_ = std::move(*properties);
  }
  const auto mechanism = std::ranges::find_if(
      uri_.mechanisms, [&](const std::string& one) { return is_offered(method.mechanisms, one); });
  if (mechanism == uri_.mechanisms.end() || *mechanism == "EXTERNAL") {
    return fail("the other broker offers no authentication mechanism that can be used: " +
                std::string(method.mechanisms));
  }
  // To this very broker no name is a name, and no password one: it knows whom it talks to.
  const std::string usual = uri_.is_local() ? "" : "guest";
  const std::vector<std::byte> properties = encoded(client_properties(name_));
  const std::string response =
      sasl_response(*mechanism, uri_.user.value_or(usual), uri_.password.value_or(usual));
  connection::StartOk reply;
  reply.client_properties = protocol::TableView{std::span(properties).subspan(4)};
  reply.mechanism = *mechanism;
  reply.response = response;
  reply.locale = "en_US";
  write(0, reply);
}

void ClientConnection::on(const connection::Secure&) {
  fail("the other broker asks for more than a password");
}

void ClientConnection::on(const connection::Tune& method) {
  const auto smaller = [](auto ours, auto theirs) {
    return ours == 0 || theirs == 0 ? std::max(ours, theirs) : std::min(ours, theirs);
  };
  constexpr std::uint32_t usual_frame_max_bytes = 131072;
  frame_max_ = smaller(uri_.frame_max_bytes, method.frame_max);
  if (frame_max_ == 0) frame_max_ = usual_frame_max_bytes;
  frame_max_ = std::max<std::uint32_t>(frame_max_, protocol::frame_min_size_bytes);
  heartbeat_s_ = smaller(uri_.heartbeat_s, method.heartbeat);
  parser_.set_frame_max(frame_max_);
  connection::TuneOk reply;
  reply.channel_max = smaller(uri_.channel_max, method.channel_max);
  reply.frame_max = frame_max_;
  reply.heartbeat = heartbeat_s_;
  write(0, reply);
  connection::Open open;
  open.virtual_host = vhost_;
  write(0, open);
  beat();
}

void ClientConnection::on(const connection::OpenOk&) {
  call(message_channel, protocol::channel::Open{}, [this](const Answer& given) {
    if (!given.is_ok()) return fail("the other broker refuses a channel: " + given.text);
    deadline_.cancel();
    state_ = State::open;
    events_.on_open();
  });
}

// ---- calls ---------------------------------------------------------------------------------

std::uint16_t ClientConnection::open_channel(OnAnswer on_answer) {
  std::uint16_t channel = 0;
  if (free_channels_.empty()) {
    channel = ++last_channel_;
  } else {
    channel = free_channels_.back();
    free_channels_.pop_back();
  }
  call(channel, protocol::channel::Open{}, std::move(on_answer));
  return channel;
}

void ClientConnection::close_channel(std::uint16_t channel) {
  protocol::channel::Close close;
  close.reply_code = 200;
  close.reply_text = "Goodbye";
  call(channel, close, [](const Answer&) {});
}

void ClientConnection::answer(const Answer& given) {
  auto& waiting = calls_[current_channel_];
  if (state_ == State::closing || state_ == State::ended) return;
  if (waiting.empty()) return fail("the other broker answers what was not asked");
  const OnAnswer on_answer = std::move(waiting.front());
  waiting.pop_front();
  on_answer(given);
}

void ClientConnection::on(const protocol::queue::DeclareOk& method) {
  Answer given;
  given.queue = method.queue;
  given.message_count = method.message_count;
  answer(given);
}

void ClientConnection::on(const protocol::channel::CloseOk&) {
  answer({});
  if (state_ == State::open) free_channels_.push_back(current_channel_);
}

void ClientConnection::on(const protocol::channel::Close& method) {
  if (state_ != State::open && state_ != State::opening) return;
  const std::uint16_t channel = current_channel_;
  write(channel, protocol::channel::CloseOk{});
  const auto waiting = std::exchange(calls_[channel], {});
  if (waiting.empty() || channel == message_channel) {
    return fail("the other broker has closed a channel: " +
                told(method.reply_code, method.reply_text));
  }
  free_channels_.push_back(channel);
  Answer given;
  given.code = method.reply_code;
  given.text = method.reply_text;
  for (const OnAnswer& on_answer : waiting) {
    if (state_ == State::open) on_answer(given);
  }
}

void ClientConnection::on(const protocol::channel::Flow& method) {
  protocol::channel::FlowOk reply;
  reply.active = method.active;
  write(current_channel_, reply);
}

// ---- messages ------------------------------------------------------------------------------

void ClientConnection::on(const protocol::basic::Deliver& method) {
  in_content_ = current_channel_ == message_channel;
  is_returned_ = false;
  delivery_.tag = method.delivery_tag;
  delivery_.redelivered = method.redelivered;
  delivery_.exchange = method.exchange;
  delivery_.routing_key = method.routing_key;
}

void ClientConnection::on(const protocol::basic::Return&) {
  in_content_ = current_channel_ == message_channel;
  is_returned_ = true;
}

void ClientConnection::on(const protocol::basic::Ack& method) {
  if (state_ == State::open) events_.on_confirm(method.delivery_tag, method.multiple, true);
}

void ClientConnection::on(const protocol::basic::Nack& method) {
  if (state_ == State::open) events_.on_confirm(method.delivery_tag, method.multiple, false);
}

void ClientConnection::on(const protocol::basic::Cancel&) {
  if (state_ == State::open) events_.on_cancelled();
}

// ---- the connection ------------------------------------------------------------------------

void ClientConnection::on(const connection::Blocked&) { blocked_ = true; }

void ClientConnection::on(const connection::Unblocked&) {
  blocked_ = false;
  if (state_ == State::open && has_room()) events_.on_room();
}

void ClientConnection::on(const connection::Close& method) {
  write(0, connection::CloseOk{});
  flush();
  fail("the other broker has closed the connection: " +
       told(method.reply_code, method.reply_text));
}

void ClientConnection::on(const connection::CloseOk&) { end(); }

}  // namespace leveret::links
