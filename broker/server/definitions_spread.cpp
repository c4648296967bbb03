#include "broker/server/definitions_spread.hpp"

#include <utility>

namespace leveret::server {

using broker::DefinitionsFile;
using broker::ImportOutcome;

namespace {

class Spread : public std::enable_shared_from_this<Spread> {
 public:
  Spread(const std::vector<std::unique_ptr<Shard>>& shards, DefinitionsFile definitions,
         std::function<void(ImportOutcome)> done)
      : shards_(shards), definitions_(std::move(definitions)), done_(std::move(done)) {}

  void run() {
    DefinitionsFile first;
    first.changes = std::move(definitions_.changes);
    first.exchanges = std::move(definitions_.exchanges);
    std::vector<DefinitionsFile> parts;
    parts.push_back(std::move(first));
    run_parts(std::move(parts), [](Spread& self) { self.run_queues(); });
  }

 private:
  using Next = void (*)(Spread&);

  void run_queues() {
    std::vector<DefinitionsFile> parts(shards_.size());
    std::size_t next = 0;
    for (auto& queue : definitions_.queues) {
      parts[next++ % parts.size()].queues.push_back(std::move(queue));
    }
    run_parts(std::move(parts), [](Spread& self) { self.run_bindings(); });
  }

  void run_bindings() {
    std::vector<DefinitionsFile> parts(1);
    parts[0].bindings = std::move(definitions_.bindings);
    run_parts(std::move(parts), [](Spread& self) { self.done_(std::move(self.outcome_)); });
  }

  /// Has each shard carry out its part, the first ones if there are fewer parts, and goes on.
  void run_parts(std::vector<DefinitionsFile> parts, Next next) {
    missing_count_ = parts.size();
    for (std::size_t i = 0; i < parts.size(); ++i) {
      auto part = std::make_shared<DefinitionsFile>(std::move(parts[i]));
      shards_[i]->post([self = shared_from_this(), i, part, next] {
        broker::DefinitionsImport::run(
            self->shards_[i]->state(), std::move(*part), [self, next](ImportOutcome outcome) {
              self->shards_[0]->post([self, next, outcome = std::move(outcome)]() mutable {
                self->end_part(std::move(outcome), next);
              });
            });
      });
    }
  }

  /// On shard 0.
  void end_part(ImportOutcome outcome, Next next) {
    const auto add = [](std::vector<std::string>& all, std::vector<std::string>& some) {
      all.insert(all.end(), std::make_move_iterator(some.begin()),
                 std::make_move_iterator(some.end()));
    };
    add(outcome_.problems, outcome.problems);
    add(outcome_.left_out, outcome.left_out);
    if (--missing_count_ == 0) next(*this);
  }

  const std::vector<std::unique_ptr<Shard>>& shards_;
  DefinitionsFile definitions_;  ///< What is left of them.
  const std::function<void(ImportOutcome)> done_;
  ImportOutcome outcome_;
  std::size_t missing_count_ = 0;
};

}  // namespace

void import_definitions(const std::vector<std::unique_ptr<Shard>>& shards,
                        DefinitionsFile definitions, std::function<void(ImportOutcome)> done) {
  std::make_shared<Spread>(shards, std::move(definitions), std::move(done))->run();
}

}  // namespace leveret::server
