#include "broker/core/topology_question.hpp"

#include <memory>
#include <utility>

#include "broker/core/endpoint.hpp"
#include "broker/core/shard_state.hpp"

namespace leveret::broker {

namespace {

/// Lives until it is answered, or the shard ends.
class Question final : public Endpoint {
 public:
  Question(ShardState& shard, TopologyAnswered answered)
      : shard_(shard), answered_(std::move(answered)) {}

  EndpointRef join(std::shared_ptr<const void> self) {
    slot_ = shard_.add_endpoint(*this, std::move(self));
    return shard_.endpoint_ref(slot_);
  }

  using Endpoint::receive;
  void receive(TopologyReply&& reply) override {
    const TopologyAnswered answered = std::move(answered_);
    shard_.remove_endpoint(slot_);  // The end of this object.
    if (reply.outcome) return answered({});
    answered(tl::unexpected(std::move(reply.outcome.error())));
  }

 private:
  ShardState& shard_;
  TopologyAnswered answered_;
  Slot slot_;
};

}  // namespace

void ask_topology(ShardState& shard, TopologyOperation operation, std::string user,
                  TopologyAnswered answered) {
  const auto question = std::make_shared<Question>(shard, std::move(answered));
  const EndpointRef ref = question->join(question);
  shard.send(ShardId{0}, TopologyRequest{ref, std::move(operation), std::move(user)});
}

}  // namespace leveret::broker
