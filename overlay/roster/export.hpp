// All that is held of a roster and what this program makes of it, for somebody who does not take
// its word: `weft roster export`, and tools/roster_check, which works it out anew.
#pragma once

#include <string>

#include "overlay/roster/roster.hpp"

namespace weft::roster {

// One JSON document, schema weft.roster/1; bytes in hex. The genesis entry holds the network's
// secret: whoever reads the document knows that the network is there, as with a ticket.
std::string export_json(const Roster& roster);

}  // namespace weft::roster
