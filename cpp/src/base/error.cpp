// Errors out of line, so that raising one takes little code where it is raised.
#include "base/error.h"

#include "base/text.h"

namespace lamina {

void throw_error(Error::Kind kind, TextParts sentence) { throw Error(kind, concat(sentence)); }

SystemError::SystemError(int code, std::string_view before, std::string_view reason)
    : Error(code == ENOENT ? Kind::kNotFound : Kind::kIo, concat({before, ": ", reason})),
      code_(code),
      reason_length_(reason.size()) {}

SystemError::SystemError(const std::error_code& error, std::string_view before)
    : SystemError(error.default_error_condition(), before) {}

SystemError::SystemError(const std::error_condition& condition, std::string_view before)
    : SystemError(condition.category() == std::generic_category() ? condition.value() : EIO, before,
                  condition.message()) {}

}  // namespace lamina
