#include "broker/server/definitions_loader.hpp"

#include <openssl/evp.h>

#include <array>
#include <boost/asio/post.hpp>
#include <fstream>
#include <utility>

#include "broker/core/parameter_keys.hpp"
#include "broker/server/definitions_spread.hpp"
#include "broker/server/logging.hpp"

namespace leveret::server {

using broker::DefinitionsFile;

namespace {

constexpr std::uintmax_t file_size_max_bytes = 256ull << 20;

Result<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  // A folder can be opened, but not measured or read.
  const std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : -1;
  if (size < 0) return tl::unexpected(path + ": cannot be read");
  if (static_cast<std::uintmax_t>(size) > file_size_max_bytes) {
    return tl::unexpected(path + ": larger than 256 MiB");
  }
  std::string content(static_cast<std::size_t>(size), '\0');
  file.seekg(0);
  file.read(content.data(), size);
  if (!file) return tl::unexpected(path + ": cannot be read");
  return content;
}

/// The SHA-256 of a text as a JSON text.
std::string quoted_digest(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  std::string quoted = "\"";
  for (unsigned int i = 0; i < size; ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    quoted += digits[digest[i] >> 4];
    quoted += digits[digest[i] & 15];
  }
  return quoted + "\"";
}

class Loading : public std::enable_shared_from_this<Loading> {
 public:
  Loading(boost::asio::io_context& context, const std::vector<std::unique_ptr<Shard>>& shards,
          const config::Definitions& settings, DefinitionsLoaded done)
      : context_(context), shards_(shards), settings_(settings), done_(std::move(done)) {}

  void load_next_file() {
    if (next_file_ == settings_.files.size()) return done_(std::move(problems_));
    path_ = settings_.files[next_file_++];
    problems_of_file_.clear();
    auto content = read_file(path_);
    if (!content) return skip(content.error());
    auto parsed = broker::parse_definitions(*content);
    if (!parsed) {
      for (std::string& problem : parsed.error()) problem.insert(0, path_ + ": ");
      problems_.insert(problems_.end(), parsed.error().begin(), parsed.error().end());
      return load_next_file();
    }
    definitions_ = std::move(*parsed);
    digest_ = quoted_digest(*content);
    if (settings_.when == config::ImportTime::changed) return compare_with_last();
    import();
  }

 private:
  void skip(const std::string& problem) {
    problems_.push_back(problem);
    load_next_file();
  }

  void compare_with_last() {
    shards_[0]->post([self = shared_from_this()] {
      const auto& stored = self->shards_[0]->state().controller().stored().parameters;
      const auto known = stored.find(broker::imported_file_key(self->path_));
      const bool is_same = known != stored.end() && known->second == self->digest_;
      boost::asio::post(self->context_, [self, is_same] {
        if (!is_same) return self->import();
        log_info(self->path_ + ": imported before, and not changed since");
        self->load_next_file();
      });
    });
  }

  void import() {
    run(std::move(definitions_), [this] { remember(); });
  }

  /// What was not taken as a whole is tried again next time.
  void remember() {
    if (!problems_of_file_.empty()) return end_file();
    DefinitionsFile digest;
    digest.changes.push_back(
        broker::PutParameter{{broker::imported_file_key(path_), digest_}});
    run(std::move(digest), [this] {
      log_info(path_ + ": imported");
      end_file();
    });
  }

  void end_file() {
    for (const std::string& problem : problems_of_file_) {
      problems_.push_back(path_ + ": " + problem);
    }
    load_next_file();
  }

  void run(DefinitionsFile definitions, std::function<void()> go_on) {
    import_definitions(
        shards_, std::move(definitions),
        [self = shared_from_this(), go_on = std::move(go_on)](broker::ImportOutcome outcome) {
          boost::asio::post(self->context_, [self, go_on, outcome = std::move(outcome)] {
            self->take(outcome);
            go_on();
          });
        });
  }

  void take(const broker::ImportOutcome& outcome) {
    problems_of_file_.insert(problems_of_file_.end(), outcome.problems.begin(),
                             outcome.problems.end());
    for (const std::string& what : outcome.left_out) {
      log_warning(path_ + ": left out: " + what);
    }
  }

  boost::asio::io_context& context_;
  const std::vector<std::unique_ptr<Shard>>& shards_;
  const config::Definitions settings_;
  const DefinitionsLoaded done_;
  std::size_t next_file_ = 0;
  std::string path_;
  std::string digest_;
  DefinitionsFile definitions_;
  std::vector<std::string> problems_of_file_;
  std::vector<std::string> problems_;
};

}  // namespace

void load_definitions(boost::asio::io_context& context,
                      const std::vector<std::unique_ptr<Shard>>& shards,
                      const config::Definitions& settings, DefinitionsLoaded done) {
  std::make_shared<Loading>(context, shards, settings, std::move(done))->load_next_file();
}

}  // namespace leveret::server
