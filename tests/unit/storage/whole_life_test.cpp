// A whole life of a log, told the same each time: it begins, fills segments, settles, makes
// checkpoints, compacts, ends and begins again. In each telling another one of its calls of the
// disk goes wrong. Whatever was confirmed and not settled is there afterwards, and nothing else.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/unit/storage/log_fixture.hpp"

namespace leveret::storage {
namespace {

/// What goes wrong at the n-th call.
struct Trouble {
  const char* name;
  DiskFault fault;
};

std::ostream& operator<<(std::ostream& out, const Trouble& trouble) { return out << trouble.name; }

class WholeLifeTest : public LogFixture {
 protected:
  /// Tells the story until its end, or until the log has failed.
  void live() {
    if (!try_open()) return;
    for (int round = 0; round < 3 && is_alive(); ++round) {
      for (int i = 0; i < 4; ++i) publish(std::string(9'000, 'x'), {1, 2});
      publish("small", {1});
      settle_most();
      if (is_alive()) roll();
      if (is_alive()) run_seconds(2);
    }
    if (!is_alive()) return;
    close();
    if (!try_open()) return;
    publish("of the second life", {2});
    run_seconds(1);
  }

  bool is_alive() const { return log != nullptr && failures.empty() && !disk.power_is_cut(); }

  void publish(std::string text, std::vector<std::uint64_t> queues) {
    text = std::to_string(texts.size()) + " " + text;
    LogPlace& place = append(text, std::move(queues));
    sent_.insert(text);
    if (is_committed(commit())) confirmed_.push_back({text, &place});
  }

  /// Settles what was published before, of all queues; the last one stays.
  void settle_most() {
    while (confirmed_.size() > 1 && confirmed_.front().text.ends_with("x")) {
      for (std::uint32_t index = 0; index < 2; ++index) settle(*confirmed_.front().place, index);
      confirmed_.erase(confirmed_.begin());
    }
    commit();
  }

  /// What was confirmed is there; settled or unconfirmed messages may be, too; nothing else is.
  void expect_promises_kept() {
    std::set<std::string> there;
    for (const std::string& text : found_texts()) {
      there.insert(text);
      EXPECT_TRUE(sent_.contains(text)) << text.substr(0, 40);
    }
    for (const Confirmed& one : confirmed_) {
      EXPECT_TRUE(there.contains(one.text)) << "lost: " << one.text.substr(0, 40);
    }
  }

  /// One telling, in a new world. False when nothing went wrong any more.
  bool tell(DiskFault fault, std::uint64_t n) {
    kill();
    for (const std::string& name : disk.names(folder)) disk.erase(path(name));
    failures.clear();
    places.clear();
    texts.clear();
    confirmed_.clear();
    sent_.clear();
    fault.nth = n;
    disk.fail(fault);
    live();
    const bool has_failed = disk.has_failed();
    kill();
    disk.heal();
    FaultyDisk::Random random(n);
    disk.crash(random);
    failures.clear();
    open();
    expect_promises_kept();
    kill();
    return has_failed;
  }

  struct Confirmed {
    std::string text;
    const LogPlace* place;
  };
  std::vector<Confirmed> confirmed_;
  std::set<std::string> sent_;
};

class TroubleAtEveryCall : public WholeLifeTest, public testing::WithParamInterface<Trouble> {};

TEST_P(TroubleAtEveryCall, KeepsWhatWasPromised) {
  std::uint64_t n = 1;
  while (tell(GetParam().fault, n)) {
    if (HasFailure()) FAIL() << "at call " << n;
    ASSERT_LT(++n, 2'000U);
  }
  EXPECT_GT(n, 3U) << "hardly anything could go wrong";
}

INSTANTIATE_TEST_SUITE_P(
    , TroubleAtEveryCall,
    testing::Values(Trouble{"WriteEio", {.call = DiskCall::write}},
                    Trouble{"WriteEioForEver", {.call = DiskCall::write, .for_ever = true}},
                    Trouble{"WriteEnospc", {.call = DiskCall::write, .code = ENOSPC}},
                    Trouble{"SyncEio", {.call = DiskCall::sync}},
                    Trouble{"SyncEnospc", {.call = DiskCall::sync, .code = ENOSPC}},
                    Trouble{"OpenEio", {.call = DiskCall::open}},
                    Trouble{"OpenEnospc", {.call = DiskCall::open, .code = ENOSPC}},
                    Trouble{"OpenEmfile", {.call = DiskCall::open, .code = EMFILE}},
                    Trouble{"RenameEio", {.call = DiskCall::rename}},
                    Trouble{"RenameEnospc", {.call = DiskCall::rename, .code = ENOSPC}},
                    Trouble{"FolderSyncEio", {.call = DiskCall::sync_folder}},
                    Trouble{"ReadEio", {.call = DiskCall::read}},
                    Trouble{"AnyEioForEver", {.for_ever = true}},
                    Trouble{"AnyPowerCut", {.power_cut = true}}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace leveret::storage
