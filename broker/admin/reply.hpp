/// What an HTTP request is answered with.
///
/// Thread: plain values.
/// Spec:   RabbitMQ's HTTP API: errors are objects of `error` and `reason`, a sentence.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace leveret::admin {

struct Reply {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers{};
};

/// 200 with JSON.
Reply json_reply(const boost::json::value& value);
/// A status without a body.
Reply empty_reply(unsigned status);
/// 201 where there was nothing before, otherwise 204.
inline Reply put_reply(bool existed) { return empty_reply(existed ? 204 : 201); }

Reply error_reply(unsigned status, std::string_view error, std::string_view reason);
inline Reply bad_request(std::string_view reason) {
  return error_reply(400, "bad_request", reason);
}
inline Reply not_found() { return error_reply(404, "Object Not Found", "Not Found"); }
inline Reply not_authorised(std::string_view reason) {
  return error_reply(401, "not_authorised", reason);
}

}  // namespace leveret::admin
