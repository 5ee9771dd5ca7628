// Folders as services (`weft expose /path --protocol file`): an HTTP server of its own for each
// stream, read only. GET and HEAD of files, one range at a time, tags to ask again by; of a folder
// its index.html, else a list. The disk is read on threads of its own, so that none that is slow
// stops the node.
//
// Invariants
//  1. Nothing outside the folder is read (folder.hpp).
//  2. kPiece bytes of a file are held for a connection, whatever its size; what does not go out
//     stops what is read.
//  3. kMaxSessions; the head of a request within kHeadLimit.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "node/gateway.hpp"

namespace weft::node {

class FileSessions {
 public:
  static constexpr std::size_t kMaxSessions = 512;
  static constexpr std::size_t kPiece = 64 * 1024;
  static constexpr Duration kHeadLimit = 10s;
  static constexpr Duration kIdleLimit = 75s;
  static constexpr unsigned kThreads = 2;

  // Both outlive it. Takes the gateway's folders.
  FileSessions(io::EventLoop& loop, Gateway& gateway);
  ~FileSessions();
  FileSessions(const FileSessions&) = delete;
  FileSessions& operator=(const FileSessions&) = delete;

 private:
  class Session;
  struct Impl;
  std::shared_ptr<Impl> impl_;
  Gateway& gateway_;
};

}  // namespace weft::node
