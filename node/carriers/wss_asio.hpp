// What a WebSocket carrier is made of. For .cpp files of node/carriers only: headers stay free of
// Asio.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "node/carriers/wss.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::carriers {

using AsioSocket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using TlsStream = boost::asio::ssl::stream<AsioSocket>;
using WebSocket = boost::beast::websocket::stream<TlsStream>;
using ErrorCode = boost::system::error_code;

struct WssContexts {
  boost::asio::ssl::context server{boost::asio::ssl::context::tls_server};
  boost::asio::ssl::context client{boost::asio::ssl::context::tls_client};
};

// A WebSocket whose handshake is through, and the bytes that came behind it.
struct WssSocket {
  WssSocket(boost::asio::io_context& context, io::UniqueFd fd, boost::asio::ssl::context& tls);

  WebSocket socket;
  boost::beast::flat_buffer buffer;
};

}  // namespace weft::carriers
