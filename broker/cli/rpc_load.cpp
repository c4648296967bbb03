#include "broker/cli/rpc_load.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "broker/cli/message_stamp.hpp"
#include "broker/cli/publish_template.hpp"

namespace leveret::cli {

namespace basic = protocol::basic;
using protocol::BasicProperties;

namespace {
constexpr std::string_view direct_reply_queue = "amq.rabbitmq.reply-to";
}  // namespace

/// Answers what comes in the request queue.
class RpcServer final : public ClientEvents {
 public:
  RpcServer(PerfLoop& loop, const PerfOptions& options)
      : loop_(loop), options_(options), connection_(loop.context(), options.url, *this) {}

  bool prepare() {
    connection_.open();
    if (!connection_.wait_until_open()) return false;
    if (options_.qos > 0) {
      basic::Qos qos;
      qos.prefetch_count = options_.qos;
      if (!connection_.call(qos)) return false;
    }
    basic::Consume consume;
    consume.queue = options_.queue;
    consume.no_ack = options_.autoack;
    return connection_.call(consume);
  }

  void on_delivery(const Delivery& delivery) override {
    const auto request = BasicProperties::decode(delivery.properties);
    if (!request || !request->reply_to) return loop_.fail("a request came without reply_to");
    BasicProperties reply;
    reply.correlation_id = request->correlation_id;
    basic::Publish method;
    method.routing_key = *request->reply_to;
    connection_.publish(method, reply, delivery.body);
    if (!options_.autoack) connection_.write(basic::Ack{delivery.tag, false});
  }
  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  PerfLoop& loop_;
  const PerfOptions& options_;
  ClientConnection connection_;
};

/// Calls, and calls again when it is answered.
class RpcClient final : public ClientEvents {
 public:
  RpcClient(PerfLoop& loop, const PerfOptions& options, std::uint16_t number, RpcCounts& counts)
      : loop_(loop), options_(options), counts_(counts),
        connection_(loop.context(), options.url, *this), rate_timer_(loop.context()) {
    stamp_.producer = number;
    stamp_.run = static_cast<std::uint16_t>(::getpid());
  }

  bool prepare() {
    connection_.open();
    if (!connection_.wait_until_open()) return false;
    std::string reply_queue(direct_reply_queue);
    if (!options_.direct_reply_to) {
      protocol::queue::Declare declare;
      declare.exclusive = true;
      if (!connection_.call(declare)) return false;
      reply_queue = connection_.declared_queue();
    }
    basic::Consume consume;
    consume.queue = reply_queue;
    consume.no_ack = true;
    if (!connection_.call(consume)) return false;
    basic::Publish method;
    method.routing_key = options_.queue;
    BasicProperties properties;
    properties.reply_to = reply_queue;
    properties.correlation_id = "call";
    if (options_.has_flag("persistent")) properties.delivery_mode = std::uint8_t{2};
    template_ = PublishTemplate(method, properties, options_.size_bytes,
                                connection_.frame_max_bytes());
    return true;
  }

  void start() {
    start_ns_ = PerfLoop::now_ns();
    if (options_.rate > 0) return call_when_due();
    for (std::uint32_t i = 0; i < options_.outstanding; ++i) call(PerfLoop::now_ns());
    connection_.flush();
  }
  void stop() {
    running_ = false;
    rate_timer_.cancel();
  }
  bool finished() const { return !running_ && seen_.seen_count() == stamp_.sequence; }

  void on_delivery(const Delivery& delivery) override {
    const std::uint64_t now = counts_.last_ns = PerfLoop::now_ns();
    if (delivery.body.size() < sizeof(MessageStamp)) {
      ++counts_.foreign;
      return;
    }
    const MessageStamp stamp = MessageStamp::read(delivery.body);
    if (stamp.run != stamp_.run || stamp.producer != stamp_.producer) {
      ++counts_.foreign;
      return;
    }
    if (!seen_.note(stamp.sequence)) ++counts_.duplicated;
    ++counts_.replies;
    counts_.latency.record(now - stamp.time_ns);
    if (options_.rate == 0) call(now);
  }
  void on_failed(const std::string& why) override { loop_.fail(why); }

 private:
  void call(std::uint64_t time_ns) {
    if (!running_) return;
    stamp_.time_ns = time_ns;
    template_.append_to(connection_, stamp_);
    ++stamp_.sequence;
    ++counts_.calls;
    if (options_.producer_messages > 0 && stamp_.sequence >= options_.producer_messages) stop();
  }

  /// Makes the calls that are due, each with the time at which it was: a broker that falls behind
  /// makes calls late, and that has to count.
  void call_when_due() {
    const double interval_ns = 1e9 / options_.rate;
    const auto due_ns = [&] {
      return start_ns_ + static_cast<std::uint64_t>(stamp_.sequence * interval_ns);
    };
    const std::uint64_t now = PerfLoop::now_ns();
    while (running_ && due_ns() <= now) call(due_ns());
    connection_.flush();
    if (!running_) return;
    rate_timer_.expires_after(std::chrono::nanoseconds(due_ns() - now));
    rate_timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) call_when_due();
    });
  }

  PerfLoop& loop_;
  const PerfOptions& options_;
  RpcCounts& counts_;
  ClientConnection connection_;
  PublishTemplate template_;
  boost::asio::steady_timer rate_timer_;
  MessageStamp stamp_;
  SequenceChecker seen_;
  std::uint64_t start_ns_ = 0;
  bool running_ = true;
};

RpcLoad::RpcLoad(PerfLoop& loop, const PerfOptions& options)
    : loop_(loop), options_(options), admin_(loop.context(), options.url, *this) {}

RpcLoad::~RpcLoad() = default;

bool RpcLoad::prepare() {
  admin_.open();
  if (!admin_.wait_until_open()) return false;
  if (!options_.predeclared) {
    protocol::queue::Declare declare;
    declare.queue = options_.queue;
    declare.durable = options_.durable;
    declare.auto_delete = options_.auto_delete;
    const std::vector<std::byte> arguments = encoded_content(field_table(options_.queue_args));
    declare.arguments = protocol::TableView{arguments};
    if (!admin_.call(declare)) return false;
  }
  for (std::uint32_t i = 0; i < options_.consumers; ++i) {
    servers_.push_back(std::make_unique<RpcServer>(loop_, options_));
    if (!servers_.back()->prepare()) return false;
  }
  for (std::uint32_t i = 0; i < options_.producers; ++i) {
    clients_.push_back(std::make_unique<RpcClient>(loop_, options_, static_cast<std::uint16_t>(i),
                                                   counts_));
    if (!clients_.back()->prepare()) return false;
  }
  return true;
}

void RpcLoad::start() {
  start_ns_ = PerfLoop::now_ns();
  for (const auto& client : clients_) client->start();
}

void RpcLoad::run() {
  if (!prepare()) return;
  start();
  loop_.run(options_.time_s, [this] { check(); });
}

void RpcLoad::stop() {
  for (const auto& client : clients_) client->stop();
  if (end_ns_ == 0) end_ns_ = PerfLoop::now_ns();
}

bool RpcLoad::finished() const {
  const bool answered = std::all_of(clients_.begin(), clients_.end(),
                                    [](const auto& client) { return client->finished(); });
  const bool given_up =
      end_ns_ != 0 && static_cast<double>(PerfLoop::now_ns() - std::max(end_ns_, counts_.last_ns)) >
                          options_.grace_s * 1e9;
  return answered || given_up;
}

void RpcLoad::check() {
  if (loop_.should_end()) stop();
  if (finished()) loop_.stop();
}

bool RpcLoad::is_clean() const {
  return counts_.replies == counts_.calls && counts_.duplicated == 0;
}

PerfReport RpcLoad::report() const {
  const std::uint64_t end_ns = std::max(counts_.last_ns, start_ns_ + 1);
  const double duration_s = static_cast<double>(end_ns - start_ns_) / 1e9;
  PerfReport report;
  report.add_number("seconds", duration_s);
  report.add_count("calls", counts_.calls);
  report.add_count("replies", counts_.replies);
  report.add_number("replies_per_s", static_cast<double>(counts_.replies) / duration_s);
  report.add_count("unanswered", counts_.calls - std::min(counts_.calls, counts_.replies));
  report.add_count("duplicated", counts_.duplicated);
  report.add_count("foreign", counts_.foreign);
  report.add_latency("latency", counts_.latency);
  return report;
}

}  // namespace leveret::cli
