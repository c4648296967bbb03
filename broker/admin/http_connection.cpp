#include "broker/admin/http_connection.hpp"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <utility>

#include "broker/admin/api.hpp"
#include "broker/admin/gzip.hpp"

namespace leveret::admin {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

constexpr std::uint32_t header_max_bytes = 32 * 1024;
constexpr std::uint64_t body_max_bytes = 20'000'000;
/// How long a client may take to say its next request, or the rest of one, and to take an answer.
constexpr std::chrono::seconds idle_max{120};
constexpr std::chrono::seconds body_patience{30};
constexpr std::size_t compressed_min_bytes = 1024;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;
using Parser = http::request_parser<http::string_body>;
const auto with_error = asio::as_tuple(asio::use_awaitable);

struct Connection {
  Connection(asio::io_context& context, int descriptor, HttpPeer other_end,
             broker::ControlPort& port, const NodeFacts& facts, std::function<void()> on_end)
      : stream(context), peer(std::move(other_end)), broker(port), node(facts),
        ended(std::move(on_end)) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &size);
    const auto protocol =
        address.ss_family == AF_INET6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4();
    boost::system::error_code ignored;
    stream.socket().assign(protocol, descriptor, ignored);
    stream.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
  }

  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  const HttpPeer peer;
  broker::ControlPort& broker;
  const NodeFacts& node;
  std::function<void()> ended;
};

std::string text_of(const Request& request, http::field name) {
  const auto value = request[name];
  return {value.data(), value.size()};
}

/// Whether a list of codings names gzip and does not exclude it.
bool takes_gzip(const Request& request) {
  for (const auto& coding : http::ext_list(request[http::field::accept_encoding])) {
    if (!beast::iequals(coding.first, "gzip")) continue;
    for (const auto& parameter : coding.second) {
      if (parameter.first == "q" && parameter.second.find_first_of("123456789") ==
                                        beast::string_view::npos) {
        return false;
      }
    }
    return true;
  }
  return false;
}

Response response_to(const Request& request, Reply&& reply) {
  Response response(static_cast<http::status>(reply.status), request.version());
  response.keep_alive(request.keep_alive());
  response.set(http::field::server, "Leveret");
  response.set(http::field::cache_control, "no-cache");
  response.set(http::field::vary, "accept, accept-encoding, origin");
  for (const auto& [name, value] : reply.headers) response.set(name, value);
  if (!reply.body.empty()) response.set(http::field::content_type, reply.content_type);
  if (reply.body.size() >= compressed_min_bytes && takes_gzip(request)) {
    reply.body = gzip(reply.body);
    response.set(http::field::content_encoding, "gzip");
  }
  // A HEAD says how long the body would be.
  if (reply.status != 204) response.content_length(reply.body.size());
  if (request.method() != http::verb::head) response.body() = std::move(reply.body);
  return response;
}

ApiRequest api_request(Request& request) {
  ApiRequest wanted;
  wanted.method = std::string(request.method_string());
  wanted.target = std::string(request.target());
  if (request.find(http::field::authorization) != request.end()) {
    wanted.authorization = text_of(request, http::field::authorization);
  }
  const auto reason = request["X-Reason"];
  wanted.reason.assign(reason.data(), reason.size());
  wanted.body = std::move(request.body());
  return wanted;
}

/// The error that ends a connection gets an answer where there is somebody to read it.
std::optional<Reply> reply_to_bad_request(const boost::system::error_code& error) {
  if (error == http::error::body_limit) {
    return error_reply(413, "bad_request", "The body is larger than 20 MB");
  }
  if (error == http::error::header_limit) {
    return error_reply(431, "bad_request", "The header is larger than 32 KiB");
  }
  if (error.category() == make_error_code(http::error::bad_method).category() &&
      error != http::error::end_of_stream && error != http::error::partial_message) {
    return bad_request("This is no HTTP request: " + error.message());
  }
  return std::nullopt;
}

Awaitable<bool> write(Connection& connection, Response response) {
  connection.stream.expires_after(idle_max);
  const auto [error, size] = co_await http::async_write(connection.stream, response, with_error);
  co_return !error && response.keep_alive();
}

/// Reads a request, body and all. Nothing: the connection is at its end.
Awaitable<std::optional<Request>> read(Connection& connection) {
  Parser parser;
  parser.header_limit(header_max_bytes);
  parser.body_limit(body_max_bytes);
  connection.stream.expires_after(idle_max);
  auto [error, size] = co_await http::async_read_header(connection.stream, connection.buffer,
                                                        parser, with_error);
  if (!error && !parser.is_done()) {
    connection.stream.expires_after(body_patience);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> go_on(http::status::continue_, parser.get().version());
      const auto [failed, count] =
          co_await http::async_write(connection.stream, go_on, with_error);
      if (failed) co_return std::nullopt;
    }
    const auto [failed, count] =
        co_await http::async_read(connection.stream, connection.buffer, parser, with_error);
    error = failed;
  }
  if (!error) co_return parser.release();
  if (auto reply = reply_to_bad_request(error)) {
    Request unread;
    unread.version(11);
    unread.keep_alive(false);
    Response response = response_to(unread, std::move(*reply));
    co_await write(connection, std::move(response));
  }
  co_return std::nullopt;
}

Awaitable<void> serve(std::unique_ptr<Connection> connection) {
  bool goes_on = true;
  while (goes_on) {
    std::optional<Request> request = co_await read(*connection);
    if (!request) break;
    connection->stream.expires_never();
    ApiRequest wanted = api_request(*request);
    wanted.peer_address = connection->peer.address;
    wanted.is_from_loopback = connection->peer.is_loopback;
    Reply reply = co_await answer(connection->broker, connection->node, std::move(wanted));
    Response response = response_to(*request, std::move(reply));
    goes_on = co_await write(*connection, std::move(response));
  }
  boost::system::error_code ignored;
  connection->stream.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  const auto ended = std::move(connection->ended);
  connection.reset();
  ended();
}

}  // namespace

void serve_http(asio::io_context& context, int descriptor, HttpPeer peer,
                broker::ControlPort& broker, const NodeFacts& node, std::function<void()> ended) {
  auto connection = std::make_unique<Connection>(context, descriptor, std::move(peer), broker,
                                                 node, std::move(ended));
  asio::co_spawn(context, serve(std::move(connection)), asio::detached);
}

}  // namespace leveret::admin
