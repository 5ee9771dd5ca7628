#include "node/api/result.hpp"

namespace weft::api {

Code code_of(Errc code) {
  switch (code) {
    case Errc::Usage:
    case Errc::Unsupported:
    case Errc::TooLarge:
      return Code::Usage;
    case Errc::NotFound:
      return Code::NotFound;
    case Errc::Denied:
    case Errc::AuthFailed:
    case Errc::BadSignature:
    case Errc::BadKey:
    case Errc::Expired:
    case Errc::NotYetValid:
    case Errc::WrongNetwork:
      return Code::Denied;
    case Errc::NoPath:
      return Code::NoPath;
    case Errc::Timeout:
      return Code::Timeout;
    case Errc::Malformed:
    case Errc::NonCanonical:
    case Errc::AlreadyExists:
    case Errc::Conflict:
    case Errc::Limit:
    case Errc::Closed:
    case Errc::Busy:
    case Errc::Storage:
      return Code::Failed;
  }
  return Code::Failed;
}

ApiError to_api_error(const Error& error, std::string title) {
  return {code_of(error.code), std::move(title), error.detail, {}};
}

}  // namespace weft::api
