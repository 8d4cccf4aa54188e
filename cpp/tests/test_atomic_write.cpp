// Atomic replacement of a file under failures of every system call that it makes.
#include "model_file/atomic_write.h"

#include <chrono>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "check.h"

#ifdef __linux__
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#endif

namespace {

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() : path_(fs::temp_directory_path() / "lamina_test_atomic_write") {
    fs::remove_all(path_);
    fs::create_directories(path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }

  fs::path file(const std::string& name = "model") const { return path_ / name; }

  int entries() const {
    return static_cast<int>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  fs::path path_;
};

void save(const fs::path& path, const std::string& text) {
  lamina::write_file_atomically(path, std::as_bytes(std::span(text)));
}

std::string content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// The error's sentence, or an empty string after success.
std::string failure_of(const fs::path& path, const std::string& text) {
  try {
    save(path, text);
    return {};
  } catch (const lamina::SystemError& error) {
    CHECK(error.code() > 0 && std::string(error.what()).ends_with(error.reason()));
    return error.what();
  }
}

#ifdef __linux__

// The calls that this program's own definitions below let through before one fails; -1: all.
int calls_until_failure = -1;
int failure_code = 0;
bool short_writes = false;

bool fails_now() {
  if (calls_until_failure < 0) return false;
  if (calls_until_failure-- > 0) return false;
  errno = failure_code;
  return true;
}

#endif

}  // namespace

#ifdef __linux__

// These take the place of the C library's within this program; glibc's promise not to throw.
#if defined(__GLIBC__)
#define LAMINA_AS_IN_LIBRARY noexcept
#else
#define LAMINA_AS_IN_LIBRARY
#endif
extern "C" {
ssize_t write(int file, const void* bytes, size_t size) {
  if (file > 2 && fails_now()) return -1;
  if (file > 2 && short_writes && size > 3) size = 3;
  return syscall(SYS_write, file, bytes, size);
}
int fsync(int file) { return fails_now() ? -1 : static_cast<int>(syscall(SYS_fsync, file)); }
int rename(const char* from, const char* to) LAMINA_AS_IN_LIBRARY {
  return fails_now() ? -1 : static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
int fchmod(int file, mode_t mode) LAMINA_AS_IN_LIBRARY {
  return fails_now() ? -1 : static_cast<int>(syscall(SYS_fchmod, file, mode));
}
}

LAMINA_TEST(a_failure_of_any_step_leaves_the_old_file_or_the_whole_new_one_and_no_temporary) {
  const Folder folder;
  int failures = 0;
  for (int step = 0;; ++step) {
    save(folder.file(), "old");
    calls_until_failure = step;
    failure_code = EIO;
    const std::string failure = failure_of(folder.file(), "new content");
    calls_until_failure = -1;
    CHECK(folder.entries() == 1);
    if (failure.empty()) break;
    ++failures;
    const bool renamed = failure.find("the new file is in place") != std::string::npos;
    CHECK(content(folder.file()) == (renamed ? "new content" : "old"));
  }
  CHECK(failures == 5);  // permissions, write, flush, rename, flush of the folder
}

LAMINA_TEST(a_folder_that_cannot_be_flushed_is_no_error) {
  const Folder folder;
  save(folder.file(), "old");
  calls_until_failure = 4;
  failure_code = EINVAL;
  CHECK(failure_of(folder.file(), "new").empty());
  calls_until_failure = -1;
  CHECK(content(folder.file()) == "new");
}

LAMINA_TEST(interrupted_and_short_writes_go_on) {
  const Folder folder;
  short_writes = true;
  calls_until_failure = 0;
  failure_code = EINTR;
  CHECK(failure_of(folder.file(), "a text of some length").empty());
  calls_until_failure = -1;
  short_writes = false;
  CHECK(content(folder.file()) == "a text of some length");
}

LAMINA_TEST(a_folder_without_write_permission_is_refused) {
  const Folder folder;
  save(folder.file(), "old");
  fs::permissions(folder.file().parent_path(), fs::perms::owner_read | fs::perms::owner_exec |
                                                   fs::perms::others_read | fs::perms::others_exec);
  const pid_t child = fork();
  if (child == 0) {
    // The superuser may write anywhere, so become nobody.
    if (geteuid() == 0 && setuid(65534) != 0) _exit(2);
    const std::string failure = failure_of(folder.file(), "new");
    _exit(failure.find("Permission denied") != std::string::npos ? 0 : 1);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  fs::permissions(folder.file().parent_path(), fs::perms::owner_all);
  CHECK(content(folder.file()) == "old");
  CHECK(folder.entries() == 1);
}

LAMINA_TEST(permissions_of_the_old_file_are_kept_and_a_new_one_follows_the_umask) {
  const Folder folder;
  const auto mode = [&] {
    struct stat status{};
    CHECK(stat(folder.file().c_str(), &status) == 0);
    return status.st_mode & 0777;
  };
  const mode_t before = umask(027);
  save(folder.file(), "old");
  umask(before);
  CHECK(mode() == 0640);
  CHECK(chmod(folder.file().c_str(), 0604) == 0);
  save(folder.file(), "new");
  CHECK(mode() == 0604);
}

LAMINA_TEST(a_symbolic_link_stays_and_its_target_is_replaced) {
  const Folder folder;
  save(folder.file("target"), "old");
  fs::create_symlink("target", folder.file("link"));
  save(folder.file("link"), "new");
  CHECK(fs::is_symlink(folder.file("link")));
  CHECK(content(folder.file("target")) == "new");
}

LAMINA_TEST(a_link_may_lead_to_a_file_that_is_not_there_yet) {
  const Folder folder;
  fs::create_symlink("second", folder.file("first"));
  fs::create_symlink("target", folder.file("second"));
  save(folder.file("first"), "new");
  CHECK(fs::is_symlink(folder.file("first")) && fs::is_symlink(folder.file("second")));
  CHECK(content(folder.file("target")) == "new");
}

LAMINA_TEST(links_in_a_circle_are_refused) {
  const Folder folder;
  fs::create_symlink("second", folder.file("first"));
  fs::create_symlink("first", folder.file("second"));
  CHECK(failure_of(folder.file("first"), "new").find("following the symbolic link") != std::string::npos);
  CHECK(folder.entries() == 2);
}

LAMINA_TEST(a_pipe_is_refused_and_not_replaced) {
  const Folder folder;
  CHECK(mkfifo(folder.file().c_str(), 0600) == 0);
  CHECK(failure_of(folder.file(), "new").find("not a regular file") != std::string::npos);
  CHECK(fs::is_fifo(folder.file()));
}

#endif

LAMINA_TEST(a_new_file_is_written_and_an_old_one_replaced) {
  const Folder folder;
  save(folder.file(), "first and long");
  CHECK(content(folder.file()) == "first and long");
  save(folder.file(), "second");
  CHECK(content(folder.file()) == "second");
  CHECK(folder.entries() == 1);
}

LAMINA_TEST(a_file_that_others_read_for_a_moment_is_replaced) {
  const Folder folder;
  save(folder.file(), "old");
  auto reading = std::make_unique<std::ifstream>(folder.file(), std::ios::binary);
  std::thread reader([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    reading.reset();
  });
  CHECK(failure_of(folder.file(), "new") == "");
  reader.join();
  CHECK(content(folder.file()) == "new");
  CHECK(folder.entries() == 1);
}

LAMINA_TEST(a_path_that_cannot_be_written_is_named_in_the_sentence) {
  const Folder folder;
  CHECK(failure_of(folder.file("no such folder") / "model", "x").find("no such folder") != std::string::npos);
  CHECK(failure_of(folder.file().parent_path(), "x").find("it is a folder") != std::string::npos);
  CHECK(failure_of({}, "x").find("the path is empty") != std::string::npos);
}

LAMINA_TEST(an_abandoned_temporary_of_a_killed_process_does_not_hinder) {
  const Folder folder;
#ifdef __linux__
  const std::string own = ".lamina-" + std::to_string(getpid()) + "-0.tmp";
#else
  const std::string own = ".lamina-1-0.tmp";
#endif
  std::ofstream(folder.file(own)) << "left over";
  save(folder.file(), "new");
  CHECK(content(folder.file()) == "new");
  CHECK(content(folder.file(own)) == "left over");
}

LAMINA_TEST_MAIN
