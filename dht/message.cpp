#include "dht/message.hpp"

#include <cstring>

#include "base/sealed.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kMaxFields = 16;
constexpr std::size_t kMaxBody = sealed::kMaxDatagram;

ByteArray<8> cookie_bytes(Cookie cookie) {
  ByteArray<8> out;
  for (std::size_t i = 0; i < 8; ++i) out[i] = static_cast<std::uint8_t>(cookie >> (56 - 8 * i));
  return out;
}

wire::Writer start_body() {
  wire::Writer w;
  w.raw(ByteView(&kChannel, 1));
  return w;
}

Result<wire::Reader> open_body(ByteView body, std::size_t& fields) {
  if (body.size() > kMaxBody) return fail(Errc::TooLarge, "dht body");
  if (body.empty() || body[0] != kChannel) return fail(Errc::Unsupported, "not a dht body");
  auto r = wire::Reader::lenient(body.subspan(1));
  WEFT_TRY(fields, r.array(kMaxFields));
  return r;
}

Result<MessageType> read_type(wire::Reader& r) {
  WEFT_TRY(const std::uint64_t type, r.uint());
  if (type < 1 || type > 4) return fail(Errc::Unsupported, "dht message type");
  return static_cast<MessageType>(type);
}

Result<ByteView> read_contacts(wire::Reader& r) {
  WEFT_TRY(const ByteView view, r.bin(kMaxBody));
  if (view.size() % kContactSize != 0) return fail(Errc::Malformed, "contacts cut short");
  return view;
}

Result<Cookie> read_cookie(wire::Reader& r) {
  WEFT_TRY(const auto bytes, r.fixed<8>());
  return read_be<Cookie>(bytes);
}

Result<std::uint64_t> read_skip(wire::Reader& r) {
  WEFT_TRY(const std::uint64_t skip, r.uint());
  if (skip > Request::kMaxSkip) return fail(Errc::TooLarge, "contacts to skip");
  return skip;
}

}  // namespace

Bytes Request::encode() const {
  wire::Writer w = start_body();
  const auto head = [&](std::size_t extra) {
    w.array(3 + extra).uint(static_cast<std::uint64_t>(type)).uint(flags);
    cookie ? w.bin(cookie_bytes(*cookie)) : w.nil();
  };
  switch (type) {
    case MessageType::Ping:
      head(contacts.empty() ? 0 : 1);
      if (!contacts.empty()) w.bin(contacts);
      break;
    case MessageType::FindNode:
      head(skip == 0 ? 1 : 2);
      w.bin(target.view());
      if (skip != 0) w.uint(skip);
      break;
    case MessageType::Get:
      head(skip == 0 ? 2 : 3);
      w.bin(target.view()).uint(static_cast<std::uint64_t>(kind));
      if (skip != 0) w.uint(skip);
      break;
    case MessageType::Put:
      head(left ? 3 : 2);
      cas ? w.uint(*cas) : w.nil();
      w.bin(record);
      if (left) w.uint(*left);
      break;
  }
  return w.take();
}

Result<Request> Request::decode(ByteView body) {
  std::size_t fields = 0;
  WEFT_TRY(auto r, open_body(body, fields));
  if (fields < 3) return fail(Errc::Malformed, "request header");
  Request request;
  WEFT_TRY(request.type, read_type(r));
  WEFT_TRY(request.flags, r.uint());
  if (r.peek() == wire::Kind::Nil) {
    WEFT_CHECK(r.nil());
  } else {
    WEFT_TRY(request.cookie, read_cookie(r));
  }
  switch (request.type) {
    case MessageType::Ping:
      if (fields > 3) {
        WEFT_TRY(request.contacts, read_contacts(r));
      }
      break;
    case MessageType::FindNode: {
      if (fields < 4) return fail(Errc::Malformed, "no target");
      WEFT_TRY(request.target.bytes, r.fixed<32>());
      if (fields > 4) {
        WEFT_TRY(request.skip, read_skip(r));
      }
      break;
    }
    case MessageType::Get: {
      if (fields < 5) return fail(Errc::Malformed, "no key or kind");
      WEFT_TRY(request.target.bytes, r.fixed<32>());
      WEFT_TRY(const std::uint64_t kind, r.uint());
      if (kind > static_cast<std::uint64_t>(RecordKind::Provider))
        return fail(Errc::Unsupported, "record kind");
      request.kind = static_cast<RecordKind>(kind);
      if (fields > 5) {
        WEFT_TRY(request.skip, read_skip(r));
      }
      break;
    }
    case MessageType::Put: {
      if (fields < 5) return fail(Errc::Malformed, "no cas or record");
      if (r.peek() == wire::Kind::Nil) {
        WEFT_CHECK(r.nil());
      } else {
        WEFT_TRY(request.cas, r.uint());
      }
      WEFT_TRY(request.record, r.bin(kMaxBody));
      if (fields > 5) {
        WEFT_TRY(request.left, r.uint());
      }
      break;
    }
  }
  return request;
}

Bytes Reply::encode() const {
  wire::Writer w = start_body();
  const auto head = [&](std::size_t extra) {
    w.array(3 + extra).uint(static_cast<std::uint64_t>(type)).uint(flags);
    w.bin(cookie_bytes(cookie));
  };
  switch (type) {
    case MessageType::Ping: {
      head(known != 0 ? 2 : observed ? 1 : 0);
      if (observed) {
        Bytes bytes;
        weft::append_wire(bytes, *observed);
        w.bin(bytes);
      } else if (known != 0) {
        w.nil();
      }
      if (known != 0) w.uint(known);
      break;
    }
    case MessageType::FindNode:
      head(1);
      w.bin(contacts);
      break;
    case MessageType::Get:
      head(2);
      w.bin(contacts).array(records.size());
      for (const ByteView record : records) w.bin(record);
      break;
    case MessageType::Put:
      head(1);
      w.uint(static_cast<std::uint64_t>(error));
      break;
  }
  return w.take();
}

Result<Reply> Reply::decode(ByteView body) {
  std::size_t fields = 0;
  WEFT_TRY(auto r, open_body(body, fields));
  if (fields < 3) return fail(Errc::Malformed, "reply header");
  Reply reply;
  WEFT_TRY(reply.type, read_type(r));
  WEFT_TRY(reply.flags, r.uint());
  WEFT_TRY(reply.cookie, read_cookie(r));
  switch (reply.type) {
    case MessageType::Ping: {
      if (fields < 4) break;
      if (r.peek() == wire::Kind::Nil) {
        WEFT_CHECK(r.nil());
      } else {
        WEFT_TRY(const ByteView view, r.bin(Endpoint::kWireSize));
        WEFT_TRY(const Endpoint observed, endpoint_from_wire(view));
        reply.observed = observed;
      }
      if (fields > 4) {
        WEFT_TRY(reply.known, r.uint());
      }
      break;
    }
    case MessageType::FindNode: {
      if (fields < 4) return fail(Errc::Malformed, "no contacts");
      WEFT_TRY(reply.contacts, read_contacts(r));
      break;
    }
    case MessageType::Get: {
      if (fields < 5) return fail(Errc::Malformed, "no contacts or records");
      WEFT_TRY(reply.contacts, read_contacts(r));
      WEFT_TRY(const std::size_t count, r.array(kMaxRecords));
      for (std::size_t i = 0; i < count; ++i) {
        WEFT_TRY(const ByteView record, r.bin(kMaxDecoded));
        reply.records.push_back(record);
      }
      break;
    }
    case MessageType::Put: {
      if (fields < 4) return fail(Errc::Malformed, "no error number");
      WEFT_TRY(const std::uint64_t error, r.uint());
      if (error > 999) return fail(Errc::Malformed, "error number");
      reply.error = static_cast<PutError>(error);
      break;
    }
  }
  return reply;
}

void append_wire(Bytes& out, const Contact& contact) {
  const std::size_t at = out.size();
  out.resize(at + kContactSize);
  std::uint8_t* p = out.data() + at;
  std::memcpy(p, contact.identity.data(), 32);
  std::memcpy(p + 32, contact.static_key.data(), 32);
  std::memcpy(p + 64, contact.endpoint.address.data(), 16);
  p[80] = static_cast<std::uint8_t>(contact.endpoint.port >> 8);
  p[81] = static_cast<std::uint8_t>(contact.endpoint.port);
}

}  // namespace weft::dht
