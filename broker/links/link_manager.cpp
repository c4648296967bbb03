#include "broker/links/link_manager.hpp"

#include <boost/asio/post.hpp>
#include <utility>

#include "broker/core/shovel_definition.hpp"
#include "broker/links/shovel.hpp"

namespace leveret::links {

namespace asio = boost::asio;

LinkManager::LinkManager(LinkHost& host, std::string cluster_name)
    : host_(host), cluster_name_(std::move(cluster_name)), context_(1),
      keeps_running_(context_.get_executor()),
      federation_(*this, host, cluster_name_) {}

LinkManager::~LinkManager() { stop(); }

// ---- the thread ----------------------------------------------------------------------------

void LinkManager::start() {
  thread_ = std::thread([this] { context_.run(); });
}

void LinkManager::begin_stop(std::function<void()> stopped) {
  asio::post(context_, [this, stopped = std::move(stopped)]() mutable {
    is_stopping_ = true;
    stopped_ = std::move(stopped);
    for (auto& [key, place] : places_) {
      place.next = nullptr;
      if (place.link != nullptr && !place.is_stopping) stop_link(key, place);
    }
    check_all_stopped();
  });
}

void LinkManager::stop() {
  context_.stop();
  if (thread_.joinable()) thread_.join();
  places_.clear();
}

void LinkManager::request_status(std::function<void(std::vector<LinkStatus>)> receive) {
  asio::post(context_, [this, receive = std::move(receive)] {
    std::vector<LinkStatus> all;
    for (const auto& [key, place] : places_) {
      if (place.link != nullptr) all.push_back(place.link->status());
    }
    receive(std::move(all));
  });
}

// ---- links come and go ---------------------------------------------------------------------

void LinkManager::put(const LinkKey& key, LinkFactory factory) {
  asio::post(context_, [this, key, factory = std::move(factory)]() mutable {
    if (is_stopping_) return;
    Place& place = places_[key];
    if (place.link == nullptr) return make(key, place, factory);
    place.next = std::move(factory);
    if (!place.is_stopping) stop_link(key, place);
  });
}

void LinkManager::remove(const LinkKey& key) {
  asio::post(context_, [this, key] {
    const auto found = places_.find(key);
    if (found == places_.end()) return;
    Place& place = found->second;
    place.next = nullptr;
    if (!place.is_stopping) stop_link(key, place);
  });
}

void LinkManager::run(std::function<void()> task) { asio::post(context_, std::move(task)); }

void LinkManager::tell(LinkKind kind, const std::string& vhost, const std::string& name,
                       std::function<void(Link&)> what) {
  asio::post(context_, [this, first = LinkKey{kind, vhost, name, ""}, what = std::move(what)] {
    for (auto place = places_.lower_bound(first); place != places_.end(); ++place) {
      const LinkKey& key = place->first;
      if (key.kind != first.kind || key.vhost != first.vhost || key.name != first.name) break;
      if (place->second.link != nullptr) what(*place->second.link);
    }
  });
}

void LinkManager::on_hunger(broker::QueueRef queue, bool is_hungry) {
  asio::post(context_, [this, queue, is_hungry] {
    if (is_hungry) {
      hungry_.insert(queue);
    } else {
      hungry_.erase(queue);
    }
    for (auto& [key, place] : places_) {
      if (key.kind == LinkKind::queue_federation && place.link != nullptr) {
        place.link->on_hunger(queue, is_hungry);
      }
    }
  });
}

void LinkManager::forget_hunger(broker::QueueRef queue) {
  asio::post(context_, [this, queue] { hungry_.erase(queue); });
}

void LinkManager::make(const LinkKey& key, Place& place, const LinkFactory& factory) {
  place.is_stopping = false;
  place.link = factory(context_, host_);
  if (place.link == nullptr) {
    places_.erase(key);
    return;
  }
  place.link->start();
}

void LinkManager::stop_link(const LinkKey& key, Place& place) {
  place.is_stopping = true;
  // Not within the link's own call, which would return into what has gone.
  const auto stopped = [this, key] { run([this, key] { on_stopped(key); }); };
  place.link->stop(!is_stopping_, stopped);
}

void LinkManager::on_stopped(const LinkKey& key) {
  const auto found = places_.find(key);
  if (found == places_.end()) return;
  found->second.link.reset();
  if (const LinkFactory next = std::exchange(found->second.next, nullptr)) {
    return make(key, found->second, next);
  }
  places_.erase(found);
  check_all_stopped();
}

void LinkManager::check_all_stopped() {
  if (!is_stopping_ || !places_.empty() || stopped_ == nullptr) return;
  std::exchange(stopped_, nullptr)();
}

void LinkManager::begin(broker::Topology& topology, const FederationPlan::Parameters& parameters) {
  federation_.begin(topology, parameters);
  for (const auto& [key, json] : parameters) {
    if (key.component == "shovel") on_parameter(key, &json);
  }
}

// ---- shovels -------------------------------------------------------------------------------

void LinkManager::on_parameter(const broker::ParameterKey& key, const std::string* json) {
  if (key.component != "shovel") return federation_.on_parameter(key);
  if (!key.vhost) return;
  const LinkKey link{LinkKind::shovel, *key.vhost, key.name, ""};
  if (json == nullptr) return remove(link);
  auto definition = broker::parse_shovel(key.name, *json);
  if (!definition) {
    // It was kept by a version that knew better.
    host_.log(LinkLogLevel::error, "shovel '" + key.name + "' in vhost '" + *key.vhost +
                                       "' cannot be read: " + definition.error());
    return remove(link);
  }
  put(link, [key, definition = std::move(*definition), cluster_name = cluster_name_](
                asio::io_context& context, LinkHost& host) -> std::unique_ptr<Link> {
    return std::make_unique<Shovel>(context, host, key, definition, cluster_name);
  });
}

void LinkManager::on_delta(const broker::TopologyDelta& delta) {
  federation_.on_delta(delta);
  for (const broker::TopologyChange& change : delta) {
    const auto* removed = std::get_if<broker::VhostRemoved>(&change);
    if (removed == nullptr) continue;
    asio::post(context_, [this, vhost = removed->name] {
      std::vector<LinkKey> keys;
      for (const auto& [key, place] : places_) {
        if (key.vhost == vhost) keys.push_back(key);
      }
      for (const LinkKey& key : keys) remove(key);
    });
  }
}

}  // namespace leveret::links
