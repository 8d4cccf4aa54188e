// Replaces a file's content in one step that a crash or a full disk cannot leave half done.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace lamina {

// Writes a temporary file in the same folder, flushes it to the disk, renames it over `path` and
// flushes the folder. On failure throws SystemError; the old file stands as it was and the temporary
// is gone. A symbolic link is followed; an existing file's permissions are kept.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace lamina
