/// What the broker says of itself: its name, version, and what it can do.
///
/// Thread: that of the HTTP server.
#pragma once

#include "broker/admin/call.hpp"

namespace leveret::admin {

/// What was set over HTTP, otherwise what the configuration says. Clients of AMQP and links are
/// told the latter.
std::string cluster_name(const Call& call);

Awaitable<Reply> get_cluster_name(Call& call);
Awaitable<Reply> put_cluster_name(Call& call);
Awaitable<Reply> list_extensions(Call& call);
Awaitable<Reply> list_feature_flags(Call& call);
Awaitable<Reply> list_deprecated_features(Call& call);
Awaitable<Reply> get_version(Call& call);
/// The hash of a password as PUT users/U takes it.
Awaitable<Reply> hash_password(Call& call);

}  // namespace leveret::admin
