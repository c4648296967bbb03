#include "broker/cli/recover.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>
#include <system_error>
#include <utility>

#include "broker/cli/damage_report.hpp"
#include "broker/cli/definition_book.hpp"
#include "broker/cli/store_contents.hpp"
#include "storage/folder_lock.hpp"
#include "storage/lock_holder.hpp"
#include "storage/posix_file.hpp"

namespace leveret::cli {

namespace {

constexpr const char* report_name = "report.txt";
constexpr const char* identity_name = "identity";

ToolOutcome complain(ToolOutcome outcome, const std::string& sentence) {
  std::fprintf(stderr, "%s\n", sentence.c_str());
  return outcome;
}

/// "20260203T040506Z"
std::string time_stamp() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ", &parts);
  return text.data();
}

/// Files that root made would be of no use to the broker: goes on as who owns the directory.
Result<void, std::string> become_owner_of(const std::string& path) {
  struct stat status {};
  if (::geteuid() != 0 || ::stat(path.c_str(), &status) != 0 || status.st_uid == 0) return {};
  if (::setgroups(0, nullptr) == 0 && ::setgid(status.st_gid) == 0 &&
      ::setuid(status.st_uid) == 0) {
    return {};
  }
  return tl::unexpected("cannot become the owner of " + path + ": " +
                        std::generic_category().message(errno));
}

/// A folder for originals that is not there yet. Error: a sentence.
Result<std::string, std::string> make_aside(storage::FileSystem& files, const std::string& path) {
  const std::string wanted = path + "/damaged-" + time_stamp();
  std::string folder = wanted;
  for (int i = 2; files.list(folder); ++i) folder = wanted + "-" + std::to_string(i);
  if (auto made = files.make_folder(folder); !made) return tl::unexpected(made.error().text());
  if (auto synced = files.sync_folder(path); !synced) return tl::unexpected(synced.error().text());
  return folder;
}

class Recover {
 public:
  explicit Recover(const RecoverOptions& options) : options_(options) {
    report_.path = options.folder;
    while (report_.path.size() > 1 && report_.path.ends_with('/')) report_.path.pop_back();
  }

  ToolOutcome run();

 private:
  std::string log_folder() const { return report_.path + "/log"; }
  std::string directory() const { return "data directory " + report_.path + " "; }
  ToolOutcome repair();
  Result<void, std::string> repair_into(const std::string& aside);
  std::uint64_t count_undefined();
  Result<void, std::string> write_report(const std::string& aside);
  ToolOutcome present(ToolOutcome outcome) const;

  const RecoverOptions& options_;
  storage::PosixFileSystem files_;
  DamageReport report_;
};

ToolOutcome Recover::run() {
  auto found = storage::find_identity(files_, report_.path);
  if (!found) return complain(ToolOutcome::no_input, found.error());
  report_.found = std::move(*found);
  if (const auto holder = storage::lock_holder(report_.path)) {
    return complain(ToolOutcome::in_use, directory() + "is in use by process " +
                                             std::to_string(*holder) +
                                             "; stop it first, or look with leveret inspect");
  }
  std::optional<storage::FolderLock> lock;
  if (options_.skip_damaged) {
    if (auto done = become_owner_of(report_.path); !done) {
      return complain(ToolOutcome::cannot_create, done.error());
    }
    auto taken = storage::FolderLock::take(report_.path);
    if (!taken) return complain(ToolOutcome::in_use, directory() + taken.error());
    lock = std::move(*taken);
  }
  if (auto gone = lost_log(files_, report_.path, report_.found.identity); !gone.empty()) {
    return complain(ToolOutcome::damaged, gone);
  }
  auto verdict = storage::verify(files_, log_folder(), report_.found.identity.node_id);
  if (!verdict) return complain(ToolOutcome::damaged, verdict.error());
  report_.verdict = std::move(*verdict);
  if (report_.is_clean()) return present(ToolOutcome::fine);
  if (options_.skip_damaged) return repair();
  if (storage::lock_holder(report_.path)) {
    return complain(ToolOutcome::in_use, directory() + "has been taken into use meanwhile; what "
                                                       "was found means nothing");
  }
  return present(ToolOutcome::damaged);
}

ToolOutcome Recover::present(ToolOutcome outcome) const {
  if (options_.json) {
    print_json(report_);
  } else {
    std::fputs(text_of(report_).c_str(), stdout);
    const bool can_repair = outcome == ToolOutcome::damaged && !options_.skip_damaged;
    if (can_repair) std::puts("nothing was changed; --skip-damaged repairs what can be repaired");
  }
  return outcome;
}

ToolOutcome Recover::repair() {
  const auto aside = make_aside(files_, report_.path);
  if (!aside) return complain(ToolOutcome::cannot_create, aside.error());
  if (auto done = repair_into(*aside); !done) {
    return complain(ToolOutcome::cannot_create,
                    done.error() + "; what is damaged is told in " + *aside + "/" + report_name +
                        ", and --skip-damaged can be repeated");
  }
  const bool is_whole = report_.verdict_after->is_clean();
  return present(is_whole ? ToolOutcome::fine : ToolOutcome::damaged);
}

Result<void, std::string> Recover::repair_into(const std::string& aside) {
  // First what is lost: once it is repaired nobody can tell any more.
  if (auto done = write_report(aside); !done) return done;
  Repair repair;
  repair.folder = aside;
  if (!report_.found.problem.empty()) {
    const auto moved = files_.rename(report_.path + "/" + identity_name,
                                     aside + "/" + identity_name);
    if (!moved && !moved.error().is_missing()) return tl::unexpected(moved.error().text());
    auto done = storage::restore_identity(files_, report_.path, report_.found.identity);
    if (!done) return done;
    repair.identity_restored = true;
  }
  const storage::NodeId& node = report_.found.identity.node_id;
  auto salvaged = storage::salvage(files_, log_folder(), node, report_.verdict, aside);
  if (!salvaged) return tl::unexpected(salvaged.error());
  repair.salvaged = std::move(*salvaged);
  repair.undefined_count = count_undefined();
  report_.repair = std::move(repair);
  auto after = storage::verify(files_, log_folder(), node);
  if (!after) return tl::unexpected(after.error());
  report_.verdict_after = std::move(*after);
  return write_report(aside);
}

std::uint64_t Recover::count_undefined() {
  const auto contents = read_store(files_, report_.path);
  if (!contents) return 0;
  const DefinitionBook book(contents->recovered.state.definitions());
  std::uint64_t count = 0;
  for (const auto& [number, queue] : contents->queues) {
    if (book.queue(number) == nullptr) count += queue.ready_count + queue.delivered_count;
  }
  return count;
}

Result<void, std::string> Recover::write_report(const std::string& aside) {
  const std::string text = text_of(report_);
  const auto written =
      storage::replace_file(files_, aside, report_name, std::as_bytes(std::span(text)));
  if (!written) return tl::unexpected(written.error().text());
  return {};
}

}  // namespace

CLI::App* add_recover_command(CLI::App& program, RecoverOptions& options) {
  CLI::App* command = program.add_subcommand(
      "recover", "Verify a data directory that no broker uses, or repair a damaged one");
  command->add_option("DIR", options.folder, "The data directory: node.data_dir")->required();
  CLI::Option* verify = command->add_flag(
      "--verify", options.verify, "Read and check everything, change nothing; the default");
  command
      ->add_flag("--skip-damaged", options.skip_damaged,
                 "Make a log of what is not damaged, so that the broker can start; the originals "
                 "are put aside")
      ->excludes(verify);
  command->add_flag("--json", options.json, "Print the report as one JSON object");
  return command;
}

ToolOutcome run_recover(const RecoverOptions& options) { return Recover(options).run(); }

}  // namespace leveret::cli
