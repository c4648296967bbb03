/// The right to touch what a shard owns: its thread has it, and no other.
///
/// clang checks it when compiling (-Wthread-safety): members marked LEVERET_GUARDED_BY(guard) may
/// be used only after guard.assert_held(). Builds without NDEBUG check it when running, too.
///
/// Owner:  one shard.   Thread: adopt() is called once by the shard's thread, before others know
/// the shard; assert_held() from then on.
#pragma once

#ifndef NDEBUG
#include <thread>

#include "protocol/base/assert.hpp"
#endif

#if defined(__clang__)
#define LEVERET_CAPABILITY(name) __attribute__((capability(name)))
#define LEVERET_GUARDED_BY(guard) __attribute__((guarded_by(guard)))
#define LEVERET_ASSERT_CAPABILITY __attribute__((assert_capability()))
#else
#define LEVERET_CAPABILITY(name)
#define LEVERET_GUARDED_BY(guard)
#define LEVERET_ASSERT_CAPABILITY
#endif

namespace leveret {

class LEVERET_CAPABILITY("shard") ShardGuard {
 public:
  /// Makes the calling thread the shard's.
  void adopt() {
#ifndef NDEBUG
    thread_ = std::this_thread::get_id();
#endif
  }

  /// Says, and without NDEBUG checks, that the calling thread is the one that adopted the shard.
  void assert_held() const LEVERET_ASSERT_CAPABILITY {
#ifndef NDEBUG
    LEVERET_ASSERT(thread_ == std::this_thread::get_id(), "only the shard's thread touches it");
#endif
  }

 private:
#ifndef NDEBUG
  std::thread::id thread_;
#endif
};

}  // namespace leveret
