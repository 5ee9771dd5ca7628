#include "overlay/joining/join_status.hpp"

namespace weft::overlay {

JoinStatus join_status_of(Errc code) {
  switch (code) {
    case Errc::NotFound:
      return JoinStatus::NoSuchTicket;
    case Errc::AuthFailed:
      return JoinStatus::WrongProof;
    case Errc::Expired:
      return JoinStatus::Expired;
    case Errc::Conflict:
      return JoinStatus::Used;
    case Errc::AlreadyExists:
      return JoinStatus::NameTaken;
    case Errc::Storage:
      return JoinStatus::Storage;
    default:
      return JoinStatus::Denied;
  }
}

Errc errc_of(JoinStatus status) {
  switch (status) {
    case JoinStatus::NoSuchTicket:
      return Errc::NotFound;
    case JoinStatus::WrongProof:
      return Errc::AuthFailed;
    case JoinStatus::Expired:
      return Errc::Expired;
    case JoinStatus::Used:
      return Errc::Conflict;
    case JoinStatus::NameTaken:
      return Errc::AlreadyExists;
    case JoinStatus::Storage:
      return Errc::Storage;
    case JoinStatus::Ok:
    case JoinStatus::Denied:
    case JoinStatus::Removed:
      break;
  }
  return Errc::Denied;
}

}  // namespace weft::overlay
