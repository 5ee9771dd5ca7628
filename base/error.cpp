#include "base/error.hpp"

namespace weft {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::Malformed:
      return "malformed";
    case Errc::NonCanonical:
      return "non-canonical";
    case Errc::TooLarge:
      return "too large";
    case Errc::Unsupported:
      return "unsupported";
    case Errc::BadSignature:
      return "bad signature";
    case Errc::BadKey:
      return "bad key";
    case Errc::AuthFailed:
      return "authentication failed";
    case Errc::Expired:
      return "expired";
    case Errc::NotYetValid:
      return "not yet valid";
    case Errc::WrongNetwork:
      return "wrong network";
    case Errc::Denied:
      return "denied";
    case Errc::NotFound:
      return "not found";
    case Errc::AlreadyExists:
      return "already exists";
    case Errc::Conflict:
      return "conflict";
    case Errc::Limit:
      return "limit reached";
    case Errc::Timeout:
      return "timeout";
    case Errc::NoPath:
      return "no path";
    case Errc::Closed:
      return "closed";
    case Errc::Busy:
      return "busy";
    case Errc::Storage:
      return "storage";
    case Errc::Usage:
      return "usage";
  }
  return "unknown";
}

}  // namespace weft
