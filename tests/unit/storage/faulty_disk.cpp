#include "tests/unit/storage/faulty_disk_parts.hpp"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace leveret::storage {

namespace {

std::string folder_name(const std::string& path) { return path.substr(0, path.rfind('/')); }
std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

IoError error_of(const std::string& what, int code) { return IoError{what, code}; }

}  // namespace

class FaultyDisk::OpenFile final : public File {
 public:
  OpenFile(FaultyDisk& disk, InodePtr inode, std::string path)
      : disk_(disk), inode_(std::move(inode)), path_(std::move(path)) {
    ++inode_->open_count;
  }
  ~OpenFile() override {
    const std::lock_guard lock(disk_.mutex_);
    --inode_->open_count;
  }

  IoResult<std::size_t> read_at(std::uint64_t position, std::span<std::byte> bytes) const override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto fault = disk_.count(DiskCall::read, "read ", path_)) return tl::unexpected(*fault);
    if (position >= inode_->content.size()) return std::size_t{0};
    const auto count = std::min<std::size_t>(bytes.size(), inode_->content.size() - position);
    if (count > 0) std::memcpy(bytes.data(), inode_->content.data() + position, count);
    return count;
  }
  using File::write_at;
  IoResult<void> write_at(std::uint64_t position, std::span<iovec> parts) override {
    const std::lock_guard lock(disk_.mutex_);
    auto written = disk_.write(*inode_, path_, position, parts);
    // As the real one does, which writes on after a short write: they are used up.
    for (iovec& part : parts) part = {nullptr, 0};
    return written;
  }
  IoResult<void> sync_data() override {
    disk_.act_before(DiskCall::sync);
    const std::lock_guard lock(disk_.mutex_);
    return disk_.sync(*inode_, path_);
  }
  IoResult<std::uint64_t> size() const override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto fault = disk_.count(DiskCall::size, "stat ", path_)) return tl::unexpected(*fault);
    return inode_->content.size();
  }
  IoResult<void> truncate(std::uint64_t size_bytes) override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto fault = disk_.count(DiskCall::truncate, "truncate ", path_)) {
      return tl::unexpected(*fault);
    }
    return disk_.resize(*inode_, "truncate " + path_, size_bytes);
  }
  IoResult<void> allocate(std::uint64_t size_bytes) override {
    const std::lock_guard lock(disk_.mutex_);
    if (auto fault = disk_.count(DiskCall::allocate, "fallocate ", path_)) {
      return tl::unexpected(*fault);
    }
    if (size_bytes <= inode_->content.size()) return {};
    return disk_.resize(*inode_, "fallocate " + path_, size_bytes);
  }

 private:
  FaultyDisk& disk_;
  InodePtr inode_;
  std::string path_;
};

FaultyDisk::FaultyDisk() = default;
FaultyDisk::~FaultyDisk() = default;

// ---- faults --------------------------------------------------------------------------------

std::optional<IoError> FaultyDisk::count(DiskCall call, const char* verb,
                                         const std::string& path) {
  ++call_count_;
  ++call_counts_[call];
  if (power_is_cut_) return error_of(verb + path, EIO);
  if (!fault_ || (fault_->call && *fault_->call != call) ||
      path.find(fault_->path_part) == std::string::npos) {
    return std::nullopt;
  }
  if (fault_->nth > 1) {
    --fault_->nth;
    return std::nullopt;
  }
  if (has_failed_ && !fault_->for_ever) return std::nullopt;
  has_failed_ = true;
  power_is_cut_ = fault_->power_cut;
  return error_of(verb + path, fault_->code);
}

void FaultyDisk::fail(DiskFault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
  has_failed_ = false;
}

void FaultyDisk::before(DiskCall call, std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  act_before_ = call;
  act_ = std::move(act);
}

/// Requires: the lock is not held; the act calls the disk, too.
void FaultyDisk::act_before(DiskCall call) {
  std::function<void()> act;
  {
    const std::lock_guard lock(mutex_);
    if (act_before_ != call) return;
    act_before_.reset();
    act = std::exchange(act_, {});
  }
  act();
}

void FaultyDisk::heal() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
  has_failed_ = false;
  power_is_cut_ = false;
}

bool FaultyDisk::has_failed() const {
  const std::lock_guard lock(mutex_);
  return has_failed_;
}

bool FaultyDisk::power_is_cut() const {
  const std::lock_guard lock(mutex_);
  return power_is_cut_;
}

std::uint64_t FaultyDisk::call_count(std::optional<DiskCall> call) const {
  const std::lock_guard lock(mutex_);
  if (!call) return call_count_;
  const auto found = call_counts_.find(*call);
  return found == call_counts_.end() ? 0 : found->second;
}

std::size_t FaultyDisk::open_file_count() const {
  const std::lock_guard lock(mutex_);
  std::set<InodePtr> open_ones;
  for (const auto& opened : opened_) {
    const InodePtr inode = opened.lock();
    if (inode != nullptr && inode->open_count > 0) open_ones.insert(inode);
  }
  return open_ones.size();
}

void FaultyDisk::limit_bytes(std::uint64_t limit_bytes) {
  const std::lock_guard lock(mutex_);
  limit_bytes_ = limit_bytes;
}

bool FaultyDisk::is_limited() const {
  const std::lock_guard lock(mutex_);
  return limit_bytes_ != no_limit;
}

std::uint64_t FaultyDisk::used_bytes() const {
  const std::lock_guard lock(mutex_);
  return used_bytes_locked();
}

std::uint64_t FaultyDisk::used_bytes_locked() const {
  std::set<const Inode*> counted;
  std::uint64_t used = 0;
  const auto add = [&](const InodePtr& inode) {
    if (inode != nullptr && counted.insert(inode.get()).second) used += inode->content.size();
  };
  for (const auto& [path, folder] : folders_) {
    for (const auto& [name, inode] : folder.names) add(inode);
  }
  for (const auto& opened : opened_) {
    const InodePtr inode = opened.lock();
    if (inode != nullptr && inode->open_count > 0) add(inode);
  }
  return used;
}

// ---- what files do -------------------------------------------------------------------------

IoResult<void> FaultyDisk::write(Inode& inode, const std::string& path, std::uint64_t position,
                                 std::span<const iovec> parts) {
  Change made;
  made.position = position;
  for (const iovec& part : parts) {
    const auto* begin = static_cast<const std::byte*>(part.iov_base);
    made.bytes.insert(made.bytes.end(), begin, begin + part.iov_len);
  }
  const bool had_power = !power_is_cut_;
  if (auto fault = count(DiskCall::write, "write ", path)) {
    // A write that fails has often done a part of its work.
    made.bytes.resize(made.bytes.size() / 2);
    if (had_power && !made.bytes.empty()) inode.change(std::move(made));
    return tl::unexpected(*fault);
  }
  const std::uint64_t end = position + made.bytes.size();
  const std::uint64_t growth = end > inode.content.size() ? end - inode.content.size() : 0;
  if (limit_bytes_ != no_limit && growth > 0) {
    const std::uint64_t used = used_bytes_locked();
    const std::uint64_t room = limit_bytes_ > used ? limit_bytes_ - used : 0;
    if (growth > room) {
      const std::uint64_t lacking = growth - room;
      made.bytes.resize(made.bytes.size() > lacking ? made.bytes.size() - lacking : 0);
      if (!made.bytes.empty()) inode.change(std::move(made));
      return tl::unexpected(error_of("write " + path, ENOSPC));
    }
  }
  inode.change(std::move(made));
  return {};
}

IoResult<void> FaultyDisk::resize(Inode& inode, const std::string& what,
                                  std::uint64_t size_bytes) {
  if (limit_bytes_ != no_limit && size_bytes > inode.content.size() &&
      used_bytes_locked() + (size_bytes - inode.content.size()) > limit_bytes_) {
    return tl::unexpected(error_of(what, ENOSPC));
  }
  Change made;
  made.sets_size = true;
  made.position = size_bytes;
  inode.change(std::move(made));
  return {};
}

IoResult<void> FaultyDisk::sync(Inode& inode, const std::string& path) {
  const bool had_power = !power_is_cut_;
  if (auto fault = count(DiskCall::sync, "fdatasync ", path)) {
    // Without power the changes wait for the crash, which draws what has become of them.
    if (had_power && !power_is_cut_) inode.changes.clear();
    return tl::unexpected(*fault);
  }
  for (const Change& made : inode.changes) made.apply(inode.durable);
  inode.changes.clear();
  return {};
}

// ---- names ---------------------------------------------------------------------------------

FaultyDisk::Folder& FaultyDisk::folder_of(const std::string& path) {
  return folders_[folder_name(path)];
}

FaultyDisk::InodePtr FaultyDisk::find(const std::string& path) const {
  const auto folder = folders_.find(folder_name(path));
  if (folder == folders_.end()) return nullptr;
  const auto found = folder->second.names.find(base_name(path));
  return found == folder->second.names.end() ? nullptr : found->second;
}

IoResult<std::unique_ptr<File>> FaultyDisk::open(const std::string& path, OpenMode mode) {
  act_before(DiskCall::open);
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::open, "open ", path)) return tl::unexpected(*fault);
  InodePtr inode = find(path);
  const bool makes = mode == OpenMode::create || mode == OpenMode::replace;
  if (inode == nullptr && !makes) return tl::unexpected(error_of("open " + path, ENOENT));
  if (inode != nullptr && mode == OpenMode::create) {
    return tl::unexpected(error_of("open " + path, EEXIST));
  }
  if (inode == nullptr) {
    inode = std::make_shared<Inode>();
    folder_of(path).change({"", base_name(path), inode});
  } else if (mode == OpenMode::replace) {
    Change emptied;
    emptied.sets_size = true;
    inode->change(std::move(emptied));
  }
  std::erase_if(opened_, [](const std::weak_ptr<Inode>& one) { return one.expired(); });
  opened_.push_back(inode);
  return std::make_unique<OpenFile>(*this, std::move(inode), path);
}

IoResult<void> FaultyDisk::rename(const std::string& from, const std::string& to) {
  act_before(DiskCall::rename);
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::rename, "rename ", from)) return tl::unexpected(*fault);
  InodePtr inode = find(from);
  if (inode == nullptr) return tl::unexpected(error_of("rename " + from, ENOENT));
  if (folder_name(from) == folder_name(to)) {
    folder_of(from).change({base_name(from), base_name(to), std::move(inode)});
    return {};
  }
  // No journal holds the two together, for each folder has its own.
  folder_of(to).change({"", base_name(to), inode});
  folder_of(from).change({base_name(from), "", std::move(inode)});
  return {};
}

IoResult<void> FaultyDisk::remove(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::remove, "remove ", path)) return tl::unexpected(*fault);
  InodePtr inode = find(path);
  if (inode == nullptr) return tl::unexpected(error_of("remove " + path, ENOENT));
  folder_of(path).change({base_name(path), "", std::move(inode)});
  return {};
}

IoResult<void> FaultyDisk::make_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::make_folder, "make folder ", path)) {
    return tl::unexpected(*fault);
  }
  folders_[path];
  return {};
}

IoResult<std::vector<std::string>> FaultyDisk::list(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::list, "list ", folder)) return tl::unexpected(*fault);
  std::vector<std::string> names;
  for (const auto& [name, inode] : folders_[folder].names) names.push_back(name);
  return names;
}

IoResult<void> FaultyDisk::sync_folder(const std::string& folder) {
  act_before(DiskCall::sync_folder);
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::sync_folder, "fsync ", folder)) return tl::unexpected(*fault);
  Folder& synced = folders_[folder];
  synced.durable = synced.names;
  synced.changes.clear();
  return {};
}

IoResult<std::uint64_t> FaultyDisk::free_bytes(const std::string& folder) {
  const std::lock_guard lock(mutex_);
  if (auto fault = count(DiskCall::free_bytes, "statvfs ", folder)) return tl::unexpected(*fault);
  const std::uint64_t used = used_bytes_locked();
  return limit_bytes_ > used ? limit_bytes_ - used : 0;
}

// ---- files, past all faults ----------------------------------------------------------------

std::vector<std::string> FaultyDisk::names(const std::string& folder) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  const auto found = folders_.find(folder);
  if (found == folders_.end()) return names;
  for (const auto& [name, inode] : found->second.names) names.push_back(name);
  return names;
}

bool FaultyDisk::has(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  return find(path) != nullptr;
}

std::vector<std::byte> FaultyDisk::bytes(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const InodePtr inode = find(path);
  return inode == nullptr ? std::vector<std::byte>{} : inode->content;
}

void FaultyDisk::put(const std::string& path, std::vector<std::byte> bytes) {
  const std::lock_guard lock(mutex_);
  auto inode = std::make_shared<Inode>();
  inode->content = inode->durable = std::move(bytes);
  Folder& folder = folder_of(path);
  folder.names[base_name(path)] = folder.durable[base_name(path)] = std::move(inode);
}

void FaultyDisk::erase(const std::string& path) {
  const std::lock_guard lock(mutex_);
  Folder& folder = folder_of(path);
  folder.names.erase(base_name(path));
  folder.durable.erase(base_name(path));
}

std::map<std::string, std::vector<std::byte>> FaultyDisk::copy_of_all() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::vector<std::byte>> all;
  for (const auto& [path, folder] : folders_) {
    for (const auto& [name, inode] : folder.names) all[path + "/" + name] = inode->content;
  }
  return all;
}

}  // namespace leveret::storage
