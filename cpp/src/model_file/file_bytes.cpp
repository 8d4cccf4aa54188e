// Reads whole files, and maps them where the system is POSIX.
#include "model_file/file_bytes.h"

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"

#ifndef _WIN32
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace lamina {
namespace {

namespace fs = std::filesystem;

#ifndef _WIN32

// Pages of a file, to be read alone.
class Mapping {
 public:
  Mapping(const fs::path& path, std::size_t size) : size_(size) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    struct stat status;
    // Another file of this name may be there by now.
    if (::fstat(file, &status) == 0 && S_ISREG(status.st_mode) && std::cmp_equal(status.st_size, size))
      block_ = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
    ::close(file);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() {
    if (valid()) ::munmap(block_, size_);
  }

  bool valid() const noexcept { return block_ != MAP_FAILED; }
  std::span<const std::byte> bytes() const noexcept { return {static_cast<const std::byte*>(block_), size_}; }

 private:
  std::size_t size_;
  void* block_ = MAP_FAILED;
};

#endif

}  // namespace

NewBytes new_bytes(std::uint64_t size, const std::string& source) {
  try {
    auto buffer = std::make_shared<AlignedBuffer<std::byte>>(static_cast<std::int64_t>(size));
    const std::span<std::byte> bytes = buffer->span();
    return {bytes, std::move(buffer)};
  } catch (const std::exception&) {
    throw_error(Error::Kind::kMemory, {source, ": not enough memory for its ", size, " bytes"});
  }
}

OpenFile::OpenFile(const fs::path& path, std::string source) : path_(path), source_(std::move(source)) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  const auto fail = [&](const std::error_code& code) {
    throw SystemError(code, concat({source_, ": cannot be read"}));
  };
  if (error) fail(error);
  if (fs::is_directory(status))
    throw SystemError(std::make_error_code(std::errc::is_a_directory),
                      concat({source_, ": is a folder, expected a model file"}));
  if (!fs::is_regular_file(status)) throw SystemError(EINVAL, source_, "is not a regular file");
  size_ = fs::file_size(path, error);
  if (error) fail(error);
  stream_.open(path, std::ios::binary);
  if (!stream_) fail(std::error_code(errno, std::generic_category()));
}

void OpenFile::read(std::span<std::byte> target) {
  stream_.clear();
  stream_.seekg(0);
  stream_.read(reinterpret_cast<char*>(target.data()), static_cast<std::streamsize>(target.size()));
  if (std::cmp_not_equal(stream_.gcount(), target.size())) {
    throw SystemError(EIO, source_,
                      concat({"reading stopped after ", stream_.gcount(), " of ", target.size(),
                              " bytes; was it changed meanwhile?"}));
  }
}

FileBytes OpenFile::read_all() {
  NewBytes memory = new_bytes(size_, source_);
  read(memory.bytes);
  return {memory.bytes, std::move(memory.owner)};
}

FileBytes OpenFile::map() {
#ifndef _WIN32
  if (size_ > 0) {
    auto mapping = std::make_shared<const Mapping>(path_, static_cast<std::size_t>(size_));
    if (mapping->valid()) return {mapping->bytes(), mapping};
  }
#endif
  return read_all();
}

}  // namespace lamina
