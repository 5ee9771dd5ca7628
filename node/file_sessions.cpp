#include "node/file_sessions.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include "base/assert.hpp"
#include "node/adapter/file_request.hpp"
#include "node/adapter/http_rules_asio.hpp"
#include "node/folder.hpp"
#include "node/io/event_loop_asio.hpp"

namespace weft::node {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::beast::error_code;
using Socket = asio::generic::stream_protocol::socket;

struct FileSessions::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(asio::io_context& on) : context(on) {}

  asio::io_context& context;
  std::optional<asio::thread_pool> disk;  // once a folder is asked for
  std::set<std::shared_ptr<Session>> sessions;

  // False: no thread can be made.
  bool has_disk() {
    if (disk) return true;
    try {
      disk.emplace(kThreads);
    } catch (const std::system_error&) {
      return false;
    }
    return true;
  }
  // `work` off the loop, then `then` on it with what came of it.
  template <class Work, class Then>
  void read(Work work, Then then) {
    asio::post(*disk, [this, self = shared_from_this(), work = std::move(work),
                       then = std::move(then)]() mutable {
      auto got = std::make_shared<decltype(work())>(work());
      asio::post(context, [self, got, then = std::move(then)]() mutable { then(std::move(*got)); });
    });
  }
};

namespace {

// What there is under a path.
struct Found {
  Result<Folder::Entry> entry = fail(Errc::NotFound, "");
  std::optional<Folder::Listing> listing;
  std::string name;  // of the file, for its type
};

Found look(const std::string& root, const std::string& path, bool as_folder) {
  Found out;
  const auto folder = Folder::open(root);
  if (!folder) {
    out.entry = std::unexpected(folder.error());
    return out;
  }
  out.entry = folder->find(path);
  out.name = path;
  if (!out.entry || !out.entry->folder || !as_folder) return out;
  const auto page = path + (path.empty() ? "" : "/") + "index.html";
  if (auto index = folder->find(page); index && !index->folder) {
    out.entry = std::move(index);
    out.name = page;
  } else {
    out.listing = Folder::list(*out.entry);
  }
  return out;
}

std::string size_text(std::uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes) + " B";
  if (bytes < 10'000'000) return std::to_string(bytes / 1000) + " kB";
  if (bytes < 10'000'000'000) return std::to_string(bytes / 1'000'000) + " MB";
  return std::to_string(bytes / 1'000'000'000) + " GB";
}

std::string listing_page(const std::string& path, const Folder::Listing& listing) {
  const auto title = "/" + adapter::html_text(path);
  std::string rows = path.empty() ? "" : "<tr><td><a href=\"../\">../</a><td>";
  for (const auto& line : listing.lines) {
    const auto slash = line.folder ? "/" : "";
    // "./" before it: a name may look like a scheme.
    rows += "<tr><td><a href=\"./" + adapter::url_text(line.name) + slash + "\">" +
            adapter::html_text(line.name) + slash + "</a><td>" +
            (line.folder ? "" : size_text(line.size));
  }
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + title +
         "</title><style>body{font:16px/1.5 sans-serif;margin:2em}td{padding:0 1em 0 0}</style>"
         "<h1>" +
         title + "</h1><table>" + rows + "</table>" +
         (listing.more ? "<p>More files are here than a page shows.</p>" : "") + "</html>\n";
}

unsigned status_of(const Error& error) {
  if (error.code == Errc::Denied) return 403;
  if (error.code == Errc::Limit) return 503;
  return error.code == Errc::NotFound ? 404 : 500;
}

}  // namespace

class FileSessions::Session final : public std::enable_shared_from_this<Session> {
 public:
  Session(std::shared_ptr<Impl> owner, Socket client, std::string root)
      : owner_(std::move(owner)),
        client_(std::move(client)),
        root_(std::move(root)),
        timer_(owner_->context) {}

  void read_request() {
    parser_.emplace();
    parser_->header_limit(adapter::kMaxHttpHead);
    if (buffer_.size() > 0) return read_head();
    limit(kIdleLimit);
    client_.async_wait(Socket::wait_read, [self = shared_from_this()](const error_code& error) {
      if (error || self->closed_) return self->close();
      self->read_head();
    });
  }

  void close() {
    if (std::exchange(closed_, true)) return;
    timer_.cancel();
    error_code ignored;
    client_.close(ignored);
    owner_->sessions.erase(shared_from_this());
  }

 private:
  void limit(Duration within) {
    timer_.expires_after(within);
    timer_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->close();
    });
  }

  void read_head() {
    limit(kHeadLimit);
    http::async_read_header(client_, buffer_, *parser_,
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (!self->closed_) self->on_head(error);
                            });
  }

  void on_head(const error_code& error) {
    timer_.cancel();
    head_only_ = false;
    keep_ = false;
    if (error == http::error::header_limit) return page(431, "the head is over 16 KiB");
    const bool spoken =
        error.category() == http::make_error_code(http::error::bad_line_ending).category();
    const bool left = error == http::error::end_of_stream || error == http::error::partial_message;
    if (error && (!spoken || left)) return close();
    if (error) return page(400, "not HTTP as it should be: " + error.message());
    const auto& head = parser_->get();
    if (const auto refusal = adapter::http_refusal(head.base()))
      return page(refusal->status, refusal->why);
    head_only_ = head.method() == http::verb::head;
    keep_ = parser_->keep_alive() && parser_->is_done();  // with a body it ends here
    if (!head_only_ && head.method() != http::verb::get)
      return page(405, "this folder is read only");
    const std::string target(head.target());
    const auto path = adapter::file_path(target);
    if (!path) return page(404, "there is no such file");
    const bool as_folder = target.substr(0, target.find('?')).ends_with('/');
    path_ = *path;
    owner_->read([root = root_, path = *path, as_folder] { return look(root, path, as_folder); },
                 [self = shared_from_this(), as_folder](Found found) {
                   if (!self->closed_) self->answer(std::move(found), as_folder);
                 });
  }

  void answer(Found found, bool as_folder) {
    if (!found.entry) {
      const auto status = status_of(found.entry.error());
      return page(status, found.entry.error().detail);
    }
    if (found.listing) return send_text(200, listing_page(path_, *found.listing));
    if (found.entry->folder && !as_folder) return redirect();
    if (!found.entry->folder && as_folder && found.name == path_)
      return page(404, "there is no such folder");
    send_file(std::move(*found.entry), found.name);
  }

  // So that relative links on its page lead into the folder.
  void redirect() {
    auto answer = head_of(301);
    answer.set(http::field::location, "/" + adapter::url_text(path_) + "/");
    answer.content_length(0);
    send_head(std::move(answer), {0, 0});
  }

  void send_file(Folder::Entry entry, const std::string& name) {
    const auto& asked = parser_->get();
    const auto same = asked[http::field::if_none_match];
    if (!same.empty() && (same == entry.tag || same == "*")) {
      auto answer = head_of(304);
      answer.set(http::field::etag, entry.tag);
      return send_head(std::move(answer), {0, 0});
    }
    const auto if_range = asked[http::field::if_range];
    const auto range = asked[http::field::range];
    const bool ranged = if_range.empty() || if_range == entry.tag;
    const auto part = adapter::asked_range(
        ranged ? std::string_view(range.data(), range.size()) : std::string_view(), entry.size);
    const auto whole = std::to_string(entry.size);
    if (std::holds_alternative<adapter::Beyond>(part)) {
      auto answer = head_of(416);
      answer.set(http::field::content_range, "bytes */" + whole);
      answer.content_length(0);
      return send_head(std::move(answer), {0, 0});
    }
    adapter::Piece piece{0, entry.size};
    const auto* wanted = std::get_if<adapter::Piece>(&part);
    if (wanted != nullptr) piece = *wanted;
    auto answer = head_of(wanted != nullptr ? 206 : 200);
    answer.set(http::field::content_type, std::string(adapter::content_type(name)));
    answer.set(http::field::etag, entry.tag);
    answer.set(http::field::accept_ranges, "bytes");
    if (wanted != nullptr)
      answer.set(http::field::content_range, "bytes " + std::to_string(piece.first) + "-" +
                                                 std::to_string(piece.first + piece.size - 1) +
                                                 "/" + whole);
    answer.content_length(piece.size);
    file_ = std::make_shared<io::UniqueFd>(std::move(entry.fd));
    send_head(std::move(answer), head_only_ ? adapter::Piece{0, 0} : piece);
  }

  using Head = http::response<http::empty_body>;
  Head head_of(unsigned status) const {
    Head answer(http::int_to_status(status), 11);
    answer.set("X-Content-Type-Options", "nosniff");
    answer.set(http::field::cache_control, "no-cache");
    answer.keep_alive(keep_);
    return answer;
  }

  void send_head(Head head, adapter::Piece piece) {
    auto message = std::make_shared<Head>(std::move(head));
    http::async_write(
        client_, *message,
        [self = shared_from_this(), message, piece](const error_code& error, std::size_t) {
          if (self->closed_) return;
          // What is sent with "close" ends as if the other end had closed it.
          if (error && error != http::error::end_of_stream) return self->close();
          self->send_piece(piece);
        });
  }

  void send_piece(adapter::Piece left) {
    if (left.size == 0) return next();
    owner_->read(
        [file = file_, left] {
          std::vector<char> bytes(std::min<std::uint64_t>(left.size, kPiece));
          const auto got =
              ::pread(file->value(), bytes.data(), bytes.size(), static_cast<off_t>(left.first));
          bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
          return bytes;
        },
        [self = shared_from_this(), left](std::vector<char> bytes) {
          // Shorter than it was: what was announced cannot come any more.
          if (bytes.empty() || self->closed_) return self->close();
          self->piece_ = std::move(bytes);
          const adapter::Piece rest{left.first + self->piece_.size(),
                                    left.size - self->piece_.size()};
          asio::async_write(self->client_, asio::buffer(self->piece_),
                            [self, rest](const error_code& error, std::size_t) {
                              if (error || self->closed_) return self->close();
                              self->send_piece(rest);
                            });
        });
  }

  void page(unsigned status, const std::string& why) {
    if (status != 404 && status != 405) keep_ = false;
    send_text(status, adapter::error_page(status, why, ""));
  }

  void send_text(unsigned status, std::string text) {
    auto answer =
        std::make_shared<http::response<http::string_body>>(http::int_to_status(status), 11);
    answer->set(http::field::content_type, "text/html; charset=utf-8");
    answer->set("X-Content-Type-Options", "nosniff");
    answer->set(http::field::cache_control, "no-store");
    if (status == 405) answer->set(http::field::allow, "GET, HEAD");
    answer->keep_alive(keep_);
    answer->body() = std::move(text);
    answer->prepare_payload();
    if (head_only_) answer->body().clear();
    http::async_write(client_, *answer,
                      [self = shared_from_this(), answer](const error_code& error, std::size_t) {
                        if (self->closed_) return;
                        if (error && error != http::error::end_of_stream) return self->close();
                        self->next();
                      });
  }

  void next() {
    file_.reset();
    piece_ = {};
    if (keep_) return read_request();
    error_code ignored;
    client_.shutdown(Socket::shutdown_send, ignored);
    drain();
  }
  // The client reads the answer to its end before the connection goes.
  void drain() {
    limit(2s);
    client_.async_read_some(asio::buffer(drained_),
                            [self = shared_from_this()](const error_code& error, std::size_t) {
                              if (error || self->closed_ || ++self->drains_ > 64)
                                return self->close();
                              self->drain();
                            });
  }

  std::shared_ptr<Impl> owner_;
  Socket client_;
  std::string root_, path_;
  asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::empty_body>> parser_;
  std::shared_ptr<io::UniqueFd> file_;
  std::vector<char> piece_;
  bool keep_ = false, head_only_ = false, closed_ = false;
  int drains_ = 0;
  std::array<char, 4096> drained_{};
};

FileSessions::FileSessions(io::EventLoop& loop, Gateway& gateway)
    : impl_(std::make_shared<Impl>(io::asio_context(loop))), gateway_(gateway) {
  gateway_.on_folder = [impl = impl_.get()](const std::string& path) -> io::UniqueFd {
    int fds[2];
    if (impl->sessions.size() >= kMaxSessions || !impl->has_disk() ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
      return {};
    io::UniqueFd other(fds[1]);
    Socket client(impl->context);
    error_code error;
    client.assign(asio::generic::stream_protocol(AF_UNIX, 0), fds[0], error);
    WEFT_ASSERT(!error);
    auto session = std::make_shared<Session>(impl->shared_from_this(), std::move(client), path);
    impl->sessions.insert(session);
    session->read_request();
    return other;
  };
  gateway_.look_at_folder = [impl = impl_.get()](const std::string& path,
                                                 std::function<void(Result<void>)> told) {
    if (!impl->has_disk()) return told(fail(Errc::Limit, "no thread can be made"));
    impl->read(
        [path]() -> Result<void> {
          WEFT_TRY(const auto folder, Folder::open(path));
          if (const auto itself = folder.find({}); !itself) return std::unexpected(itself.error());
          return {};
        },
        std::move(told));
  };
}

FileSessions::~FileSessions() {
  gateway_.on_folder = {};
  gateway_.look_at_folder = {};
  for (const auto& session : std::set(impl_->sessions)) session->close();
  if (impl_->disk) impl_->disk->join();
}

}  // namespace weft::node
