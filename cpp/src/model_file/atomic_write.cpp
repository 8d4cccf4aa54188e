// Atomic replacement of a file, on POSIX and on Windows (the Windows half has never been run).
#include "model_file/atomic_write.h"

#include <string>
#include <system_error>

#include "base/error.h"
#include "model_file/in_quotes.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#endif

namespace lamina {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& target, const std::string& step, int code) {
  throw Error(Error::Kind::kIo, "cannot save " + path_in_quotes(target) + ": " + step + ": " +
                                    std::system_category().message(code));
}

#ifdef _WIN32

using FileHandle = HANDLE;

int last_error() { return static_cast<int>(GetLastError()); }
unsigned long process_id() { return GetCurrentProcessId(); }
bool is_taken(int code) { return code == ERROR_FILE_EXISTS; }
void remove_file(const fs::path& path) { DeleteFileW(path.c_str()); }
void close_file(FileHandle file) { CloseHandle(file); }

bool create_new(const fs::path& path, FileHandle& file) {
  file = CreateFileW(path.c_str(), GENERIC_WRITE, 0, nullptr, CREATE_NEW, FILE_ATTRIBUTE_NORMAL, nullptr);
  return file != INVALID_HANDLE_VALUE;
}

bool write_some(FileHandle file, std::span<const std::byte>& bytes) {
  DWORD written = 0;
  const DWORD wanted = static_cast<DWORD>(bytes.size() < (1U << 30) ? bytes.size() : (1U << 30));
  if (!WriteFile(file, bytes.data(), wanted, &written, nullptr)) return false;
  bytes = bytes.subspan(written);
  return true;
}

bool flush(FileHandle file) { return FlushFileBuffers(file) != 0; }
bool keep_permissions(FileHandle, const fs::path&) { return true; }

bool replace(const fs::path& from, const fs::path& to) {
  return MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) != 0;
}

// MOVEFILE_WRITE_THROUGH has already flushed the folder's entry.
void flush_folder(const fs::path&, const fs::path&) {}

#else

using FileHandle = int;

int last_error() { return errno; }
long process_id() { return static_cast<long>(getpid()); }
bool is_taken(int code) { return code == EEXIST; }
void remove_file(const fs::path& path) { ::unlink(path.c_str()); }
void close_file(FileHandle file) { ::close(file); }

bool create_new(const fs::path& path, FileHandle& file) {
  file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  return file >= 0;
}

bool write_some(FileHandle file, std::span<const std::byte>& bytes) {
  const ssize_t written = ::write(file, bytes.data(), bytes.size());
  if (written < 0) return errno == EINTR;
  bytes = bytes.subspan(static_cast<std::size_t>(written));
  return true;
}

bool flush(FileHandle file) {
#ifdef __APPLE__
  return ::fcntl(file, F_FULLFSYNC) == 0 || ::fsync(file) == 0;
#else
  return ::fsync(file) == 0;
#endif
}

bool keep_permissions(FileHandle file, const fs::path& target) {
  struct stat status;
  if (::stat(target.c_str(), &status) != 0) return errno == ENOENT;
  return ::fchmod(file, status.st_mode & 07777) == 0;
}

bool replace(const fs::path& from, const fs::path& to) { return ::rename(from.c_str(), to.c_str()) == 0; }

void flush_folder(const fs::path& folder, const fs::path& target) {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A folder that may be written but not read, or a file system without folder flushes: the
  // rename stands.
  if (handle < 0) return;
  const bool flushed = ::fsync(handle) == 0 || errno == EINVAL || errno == ENOTSUP;
  const int code = errno;
  ::close(handle);
  if (!flushed) fail(target, "the new file is in place, but flushing its folder failed", code);
}

#endif

// Created beside the target under a name of its own; removed unless it has replaced the target.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& folder, const fs::path& target) : target_(target) {
    constexpr int kAttempts = 1000;
    const std::string stem = ".lamina-" + std::to_string(process_id()) + "-";
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      path_ = folder / (stem + std::to_string(attempt) + ".tmp");
      if (create_new(path_, file_)) return;
      if (!is_taken(last_error())) break;
    }
    fail(target_, "creating a temporary file beside it", last_error());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (open_) close_file(file_);
    if (!replaced_) remove_file(path_);
  }

  void write(std::span<const std::byte> bytes) {
    if (!keep_permissions(file_, target_)) fail(target_, "copying its permissions", last_error());
    while (!bytes.empty()) {
      if (!write_some(file_, bytes)) fail(target_, "writing", last_error());
    }
    if (!flush(file_)) fail(target_, "flushing to the disk", last_error());
  }

  void replace_target() {
    close_file(file_);
    open_ = false;
    if (!replace(path_, target_)) fail(target_, "renaming", last_error());
    replaced_ = true;
  }

 private:
  fs::path target_;
  fs::path path_;
  FileHandle file_{};
  bool open_ = true;
  bool replaced_ = false;
};

// The file that `path` means, refused where a rename would destroy something else than a file.
fs::path resolve_target(const fs::path& path) {
  std::error_code error;
  fs::path target = path;
  if (fs::is_symlink(path, error)) {
    target = fs::canonical(path, error);
    if (error) fail(path, "following the symbolic link", error.value());
  }
  const fs::file_status status = fs::status(target, error);
  if (fs::is_directory(status)) {
    throw Error(Error::Kind::kIo,
                "cannot save " + path_in_quotes(path) + ": it is a folder; give a file name");
  }
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    throw Error(Error::Kind::kIo, "cannot save " + path_in_quotes(path) + ": it is not a regular file");
  }
  return target;
}

}  // namespace

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  if (path.empty()) throw Error(Error::Kind::kIo, "cannot save: the path is empty");
  const fs::path target = resolve_target(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  TemporaryFile temporary(folder, target);
  temporary.write(bytes);
  temporary.replace_target();
  flush_folder(folder, target);
}

}  // namespace lamina
