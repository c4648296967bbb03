#include "broker/admin/basic_authentication.hpp"

#include <boost/beast/core/string.hpp>

#include "protocol/base64.hpp"
#include "protocol/utf8.hpp"

namespace leveret::admin {

std::optional<Credentials> parse_basic(std::string_view header) {
  constexpr std::string_view scheme = "basic ";
  if (!boost::beast::iequals(header.substr(0, scheme.size()), scheme)) return std::nullopt;
  header.remove_prefix(scheme.size());
  while (header.starts_with(' ')) header.remove_prefix(1);
  const auto text = protocol::decode_base64(header);
  if (!text || !protocol::is_utf8(*text)) return std::nullopt;
  const std::size_t colon = text->find(':');
  // Without a name the broker's own clients are the broker itself: nobody else may have none.
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  return Credentials{text->substr(0, colon), text->substr(colon + 1)};
}

}  // namespace leveret::admin
