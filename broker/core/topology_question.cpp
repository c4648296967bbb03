#include "broker/core/topology_question.hpp"

#include <memory>
#include <utility>

#include "broker/core/endpoint.hpp"
#include "broker/core/shard_state.hpp"

namespace leveret::broker {

namespace {

/// Lives until it is answered, which it always is.
class Question final : public Endpoint {
 public:
  Question(ShardState& shard, TopologyAnswered answered)
      : shard_(shard), answered_(std::move(answered)), slot_(shard.add_endpoint(*this)) {}

  using Endpoint::receive;
  void receive(TopologyReply&& reply) override {
    const std::unique_ptr<Question> self(this);
    shard_.remove_endpoint(slot_);
    if (reply.outcome) return answered_({});
    answered_(tl::unexpected(std::move(reply.outcome.error())));
  }
  EndpointRef ref() const { return shard_.endpoint_ref(slot_); }

 private:
  ShardState& shard_;
  TopologyAnswered answered_;
  Slot slot_;
};

}  // namespace

void ask_topology(ShardState& shard, TopologyOperation operation, std::string user,
                  TopologyAnswered answered) {
  const auto* question = new Question(shard, std::move(answered));
  shard.send(ShardId{0},
             TopologyRequest{question->ref(), std::move(operation), std::move(user)});
}

}  // namespace leveret::broker
