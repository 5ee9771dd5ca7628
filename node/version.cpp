#include "node/version.hpp"

namespace weft {

const char* build_text() { return WEFT_BUILD; }

}  // namespace weft
