// What is lost with a file of a home, and how it is got back: the same words wherever one is
// missed. A text ends in ". Fix: <what to type>", which the command line takes apart.
#pragma once

#include <string>

namespace weft::store {

inline std::string fix_for_database(bool trust) {
  return trust
             ? " Without it this node does not know its network. Fix: weft restore FILE; without "
               "a backup: weft start-over network, which keeps identity and services, then weft "
               "join"
             : " Without it the services, rules and doors of this node are not known, and what was "
               "denied could open. Fix: weft restore FILE; without a backup: weft start-over "
               "services, "
               "which stays in the network and begins without services, rules and doors";
}
inline std::string fix_for_key() {
  return " It cannot be made again. Fix: put it back, or weft restore FILE; without a backup: weft "
         "start-over all, which begins as a new node and keeps the old files aside";
}

}  // namespace weft::store
