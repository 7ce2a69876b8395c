#pragma once

#include <map>
#include <string>

#include <hubgate/result.h>

#include "common/base/descriptor.h"

namespace hubgate::control {

/// The links that the supervisor gave this process, by name.
using Links = std::map<std::string, Descriptor, std::less<>>;

/// Takes them out of the environment, HUBGATE_LINKS="control=3,handover=4", so that our own children do not look for
/// them, and makes them CLOEXEC. Empty: not supervised. Error kInvalid: the variable cannot be understood. Before any
/// thread is made.
Result<Links> take_links_from_environment();

}  // namespace hubgate::control
