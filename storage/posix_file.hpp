/// The system's own files.
///
/// Thread: any.
#pragma once

#include "storage/file.hpp"

namespace leveret::storage {

class PosixFileSystem final : public FileSystem {
 public:
  IoResult<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  IoResult<void> rename(const std::string& from, const std::string& to) override;
  IoResult<void> remove(const std::string& path) override;
  IoResult<void> make_folder(const std::string& path) override;
  IoResult<std::vector<std::string>> list(const std::string& folder) override;
  IoResult<void> sync_folder(const std::string& folder) override;
  IoResult<std::uint64_t> free_bytes(const std::string& folder) override;
};

}  // namespace leveret::storage
