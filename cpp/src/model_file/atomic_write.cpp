// Atomic replacement of a file, on POSIX and on Windows (whose half has been run under Wine alone).
#include "model_file/atomic_write.h"

#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/text.h"
#include "model_file/in_quotes.h"

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#ifndef NOMINMAX  // MinGW's C++ library has it
#define NOMINMAX
#endif
#include <windows.h>
#else
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#endif

namespace lamina {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& target, const std::string& step, int code) {
  throw SystemError(std::error_code(code, std::system_category()),
                    concat({"cannot save ", path_in_quotes(target), ": ", step}));
}

constexpr const char* kFollowing = "following the symbolic link";

// In the system's name, before it is asked.
[[noreturn]] void refuse(const fs::path& target, const std::string& step, std::errc code) {
  throw SystemError(std::make_error_code(code), concat({"cannot save ", path_in_quotes(target), ": ", step}));
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

// Tries for a second where another process has the file open, as those that read it or look for viruses do.
bool replace(const fs::path& from, const fs::path& to) {
  constexpr int kAttempts = 100;
  constexpr DWORD kMilliseconds = 10;
  for (int attempt = 1;; ++attempt) {
    if (MoveFileExW(from.c_str(), to.c_str(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
      return true;
    const DWORD code = GetLastError();
    const bool in_use = code == ERROR_SHARING_VIOLATION || code == ERROR_ACCESS_DENIED;
    if (!in_use || attempt == kAttempts) return false;
    Sleep(kMilliseconds);
  }
}

// MOVEFILE_WRITE_THROUGH has already flushed the folder's entry.
void flush_folder(const fs::path&, const fs::path&) {}

// A writer's file is not shared, so that the system itself keeps it from others.
bool create_nameless(const fs::path&, FileHandle&) { return false; }
bool name_file(FileHandle, const fs::path&) { return false; }

template <class Visit>
void for_each_name(const fs::path& folder, Visit visit) {
  WIN32_FIND_DATAW entry;
  const HANDLE search = FindFirstFileW((folder / L"*").c_str(), &entry);
  if (search == INVALID_HANDLE_VALUE) return;
  const std::unique_ptr<void, decltype(&FindClose)> open(search, &FindClose);
  do {
    std::string name;  // no file has a ? in its name
    for (const wchar_t* c = entry.cFileName; *c != 0; ++c) name += *c < 0x80 ? static_cast<char>(*c) : '?';
    if (!visit(std::string_view(name))) break;
  } while (FindNextFileW(search, &entry));
}

// MinGW's C++ library knows no links.
fs::path end_of_links(const fs::path& path) {
  const DWORD attributes = GetFileAttributesW(path.c_str());
  if (attributes == INVALID_FILE_ATTRIBUTES || (attributes & FILE_ATTRIBUTE_REPARSE_POINT) == 0) return path;
  const auto fail_with_last = [&] { fail(path, kFollowing, last_error()); };
  constexpr DWORD kShared = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE;
  const HANDLE file =
      CreateFileW(path.c_str(), 0, kShared, nullptr, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS, nullptr);
  if (file == INVALID_HANDLE_VALUE) fail_with_last();
  const std::unique_ptr<void, decltype(&CloseHandle)> open(file, &CloseHandle);
  std::wstring target(GetFinalPathNameByHandleW(file, nullptr, 0, 0), L'\0');
  const DWORD length = GetFinalPathNameByHandleW(file, target.data(), static_cast<DWORD>(target.size()), 0);
  if (length == 0 || length >= target.size()) fail_with_last();
  target.resize(length);
  return target;
}

void keep_from_others(FileHandle) {}
void remove_if_abandoned(const fs::path& path) { remove_file(path); }

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

// A file without a name goes when its process does.
bool create_nameless([[maybe_unused]] const fs::path& folder, [[maybe_unused]] FileHandle& file) {
#ifdef O_TMPFILE
  file = ::open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
  return file >= 0;
#else
  return false;
#endif
}

bool name_file([[maybe_unused]] FileHandle file, [[maybe_unused]] const fs::path& path) {
#ifdef O_TMPFILE
  const std::string link = concat({"/proc/self/fd/", file});
  return ::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
#else
  return false;
#endif
}

// Calls visit(name) for all that a folder holds until it returns false. The library's own iterator ends the
// process where it runs out of memory.
template <class Visit>
void for_each_name(const fs::path& folder, Visit visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
    if (!visit(std::string_view(entry->d_name))) break;
}

// For as long as the file is open; a file system without locks does without.
void keep_from_others(FileHandle file) { (void)::flock(file, LOCK_EX | LOCK_NB); }

// Where no living process, on this machine or another, has the file's lock.
void remove_if_abandoned(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return;
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) remove_file(path);
  ::close(file);
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

// One by one, as a link may lead to a file that is yet to be written.
fs::path end_of_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // as Linux
  std::error_code error;
  fs::path target = path;
  for (int links = 0; fs::is_symlink(target, error); ++links) {
    if (links == kMostLinks) refuse(path, kFollowing, std::errc::too_many_symbolic_link_levels);
    const fs::path next = fs::read_symlink(target, error);
    if (error) fail(path, kFollowing, error.value());
    target = target.parent_path() / next;
  }
  return target;
}

#endif

// Names of temporary files that are not there yet, as they hold the process and the time.
class TemporaryNames {
 public:
  explicit TemporaryNames(const fs::path& folder) : folder_(folder) {}

  fs::path next() {
    const auto time = std::chrono::system_clock::now().time_since_epoch();
    const auto ticks = std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
    return folder_ / (concat({kBegin, process_id(), "-", ticks, "-", count_++, kEnd}));
  }

  // Removes what killed processes have left: temporary files that nobody has locked or written for an hour.
  void remove_abandoned() const {
    constexpr auto kAge = std::chrono::hours(1);
    constexpr int kMostEntries = 10'000;  // of a folder that holds much else
    int left = kMostEntries;
    for_each_name(folder_, [&](std::string_view name) {
      if (name.starts_with(kBegin) && name.ends_with(kEnd)) {
        const fs::path path = folder_ / name;
        std::error_code error;
        const fs::file_time_type written = fs::last_write_time(path, error);
        if (!error && fs::file_time_type::clock::now() - written > kAge) remove_if_abandoned(path);
      }
      return --left > 0;
    });
  }

 private:
  static constexpr std::string_view kBegin = ".lamina-";
  static constexpr const char* kEnd = ".tmp";

  const fs::path& folder_;
  int count_ = 0;
};

// Created beside the target, without a name where the system can; removed unless it has replaced the target.
class TemporaryFile {
 public:
  TemporaryFile(const fs::path& folder, const fs::path& target, bool nameless)
      : target_(target), names_(folder) {
    nameless_ = nameless && create_nameless(folder, file_);
    if (!nameless_) take_name([&] { return create_new(path_, file_); });
    if (!nameless_ && path_.empty()) fail(target_, "creating a temporary file beside it", last_error());
    keep_from_others(file_);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (open_) close_file(file_);
    if (!path_.empty()) remove_file(path_);
  }

  void write(std::span<const std::byte> bytes) {
    if (!keep_permissions(file_, target_)) fail(target_, "copying its permissions", last_error());
    while (!bytes.empty()) {
      if (!write_some(file_, bytes)) fail(target_, "writing", last_error());
    }
    if (!flush(file_)) fail(target_, "flushing to the disk", last_error());
  }

  // False where the system cannot name a nameless file.
  bool replace_target() {
    if (nameless_) take_name([&] { return name_file(file_, path_); });
    if (path_.empty()) return false;
    close_file(file_);
    open_ = false;
    if (!replace(path_, target_)) fail(target_, "renaming", last_error());
    path_.clear();
    return true;
  }

 private:
  // A free name into path_, which stays empty where `create` fails for another reason.
  template <class Create>
  void take_name(Create create) {
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      path_ = names_.next();
      if (create()) return;
      if (!is_taken(last_error())) break;
    }
    path_ = fs::path();
  }

  fs::path target_;
  TemporaryNames names_;
  fs::path path_;  // empty: without a name
  FileHandle file_{};
  bool nameless_ = false;
  bool open_ = true;
};

// The file that `path` means, refused where a rename would destroy something else than a file.
fs::path resolve_target(const fs::path& path) {
  const fs::path target = end_of_links(path);
  std::error_code error;
  const fs::file_status status = fs::status(target, error);
  if (status.type() == fs::file_type::none) fail(path, "looking at it", error.value());
  if (fs::is_directory(status)) refuse(path, "it is a folder; give a file name", std::errc::is_a_directory);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw SystemError(EINVAL, concat({"cannot save ", path_in_quotes(path)}), "it is not a regular file");
  return target;
}

}  // namespace

void write_file_atomically(const fs::path& path, std::span<const std::byte> bytes) {
  if (path.empty()) refuse(path, "the path is empty", std::errc::no_such_file_or_directory);
  const fs::path target = resolve_target(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  TemporaryNames(folder).remove_abandoned();
  for (const bool nameless : {true, false}) {
    TemporaryFile temporary(folder, target, nameless);
    temporary.write(bytes);
    if (temporary.replace_target()) break;
  }
  flush_folder(folder, target);
}

}  // namespace lamina
