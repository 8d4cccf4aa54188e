// The bytes of a file on disk, read into memory or mapped.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <span>
#include <string>

namespace lamina {

// Bytes and whoever keeps them, whom every copy shares.
struct FileBytes {
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
};

// Memory of so many bytes for a file, on 64 bytes; throws Error kMemory that names `source`.
struct NewBytes {
  std::span<std::byte> bytes;
  std::shared_ptr<const void> owner;
};
NewBytes new_bytes(std::uint64_t size, const std::string& source);

// A regular file that is open for reading. Throws SystemError where it is none or cannot be read; `source`
// opens the sentences.
class OpenFile {
 public:
  OpenFile(const std::filesystem::path& path, std::string source);

  std::uint64_t size() const noexcept { return size_; }
  // Fills `target` from the file's first byte on; throws SystemError where the file ends before.
  void read(std::span<std::byte> target);
  FileBytes read_all();
  // Pages of the file that other processes share; where the system cannot map it, as read_all. Who cuts the
  // file off meanwhile ends this process, and who writes into it changes the bytes: for files that are
  // replaced as a whole, as lamina replaces them.
  FileBytes map();

 private:
  std::filesystem::path path_;
  std::string source_;
  std::uint64_t size_ = 0;
  std::ifstream stream_;
};

}  // namespace lamina
