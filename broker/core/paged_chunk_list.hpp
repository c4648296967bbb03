/// The chunks of one list that have left memory, in their order, and the one to be looked at next
/// for what has expired.
///
/// Owner: a ReadyList.   Thread: its queue's home shard.
#pragma once

#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <memory>
#include <utility>

#include "broker/core/paged_chunk.hpp"

namespace leveret::broker {

class PagedChunkList {
 public:
  /// A chunk in its list.
  using ExpiryHook =
      boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>,
                                      boost::intrusive::optimize_size<true>>;
  struct Link : boost::intrusive::list_base_hook<>, ExpiryHook {
    explicit Link(PagedChunk&& of) : chunk(std::move(of)) {}
    PagedChunk chunk;
    bool operator<(const Link& other) const {
      return chunk.next_expires_at < other.chunk.next_expires_at;
    }
  };

  PagedChunkList() = default;
  PagedChunkList(const PagedChunkList&) = delete;
  PagedChunkList& operator=(const PagedChunkList&) = delete;
  ~PagedChunkList() {
    while (!empty()) pop_front();
  }

  bool empty() const { return links_.empty(); }
  Link& front() { return links_.front(); }
  const Link& front() const { return links_.front(); }

  void push_back(PagedChunk chunk) {
    Link& link = *std::make_unique<Link>(std::move(chunk)).release();
    links_.push_back(link);
    note_expiry(link);
  }
  PagedChunk pop_front() { return remove(front()); }
  PagedChunk remove(Link& link) {
    links_.erase(links_.iterator_to(link));
    const std::unique_ptr<Link> removed(&link);
    return std::move(removed->chunk);
  }

  /// To be called when the chunk has another time to be looked at.
  void note_expiry(Link& link) {
    if (link.ExpiryHook::is_linked()) link.ExpiryHook::unlink();
    if (link.chunk.next_expires_at != never) by_expiry_.insert(link);
  }
  /// When to look at soonest(); `never` when none of them expires.
  Instant next_expires_at() const {
    return by_expiry_.empty() ? never : by_expiry_.begin()->chunk.next_expires_at;
  }
  /// Requires: one of them expires.
  Link& soonest() { return *by_expiry_.begin(); }

 private:
  boost::intrusive::list<Link, boost::intrusive::constant_time_size<false>> links_;
  boost::intrusive::multiset<Link, boost::intrusive::constant_time_size<false>> by_expiry_;
};

}  // namespace leveret::broker
