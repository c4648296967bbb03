/// Imports definitions files: reads each, has the shards carry it out, remembers what it was.
///
/// Owner: the Server.   Thread: the server's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "broker/server/shard.hpp"
#include "config/config.hpp"

namespace leveret::server {

/// Called with sentences about what could not be imported.
using DefinitionsLoaded = std::function<void(std::vector<std::string> problems)>;

/// Imports the configured files, one after the other, and calls `done` on `context` when all that
/// was taken is durable. A file that cannot be read or understood as a whole changes nothing; of
/// another one everything is taken that can be. `when` is looked at as far as it is about the
/// files' contents. Requires: the shards' threads are running; they outlive the loading.
void load_definitions(boost::asio::io_context& context,
                      const std::vector<std::unique_ptr<Shard>>& shards,
                      const config::Definitions& settings, DefinitionsLoaded done);

}  // namespace leveret::server
