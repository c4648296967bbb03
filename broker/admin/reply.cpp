#include "broker/admin/reply.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace leveret::admin {

Reply json_reply(const boost::json::value& value) {
  Reply reply;
  reply.body = boost::json::serialize(value);
  return reply;
}

Reply empty_reply(unsigned status) {
  Reply reply;
  reply.status = status;
  return reply;
}

Reply error_reply(unsigned status, std::string_view error, std::string_view reason) {
  Reply reply = json_reply(boost::json::object{{"error", error}, {"reason", reason}});
  reply.status = status;
  return reply;
}

}  // namespace leveret::admin
